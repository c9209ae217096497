"""`aurora fleet job`: the manifest with which a cluster looks at a fleet."""

from pathlib import Path
from typing import Any

import click

from aurora.cli.fleet import fleet_option


@click.command(
    epilog="Example: aurora fleet job --image registry.example.org/aurora@sha256:0123...4567 --shards 8 "
    "--namespace fleet --claim results --git-secret git > job.yaml"
)
@fleet_option
@click.option("--image", required=True, metavar="REF", help="The image with aurora and Git in it, by its digest.")
@click.option("--shards", required=True, type=int, metavar="N", help="How many pods, each with its share.")
@click.option("--namespace", required=True, metavar="NAME", help="Where the Job runs.")
@click.option(
    "--command", type=click.Choice(["status", "audit"]), default="status", show_default=True, help="What each pod runs."
)
@click.option(
    "--claim",
    default="",
    metavar="NAME",
    help="The claim that many pods may write: the fleet's memory, and the results without --results.",
)
@click.option("--results", default="", metavar="URL", help="The object store for the results: s3://, gs://, az://.")
@click.option(
    "--results-secret", default="", metavar="NAME", help="A Secret with the store's variables (AWS_ACCESS_KEY_ID)."
)
@click.option("--service-account", "account", default="", metavar="NAME", help="The one that may write the results.")
@click.option("--results-port", "port", type=int, default=443, show_default=True, help="The store's port.")
@click.option("--name", default="aurora-fleet", show_default=True, help="What its name begins with.")
@click.option(
    "--git-secret", "secret", default="", metavar="NAME", help="A Secret with .gitconfig and .git-credentials."
)
def job(file: Path, **given: Any) -> None:
    """Print a Kubernetes Indexed Job that runs `sync` and `status` (or `audit`) with --shard i/n in n pods.

    Each pod leaves its share and evidence below --results, or in --claim, in a folder that has the Job's uid as name;
    `aurora fleet merge` joins them. The list is in a ConfigMap, credentials only in Secrets that are named, or in what
    the service account is annotated with. Without --claim nothing is remembered from one run to the next, and no log
    that went back is noticed.
    """
    from aurora.fleet import listed
    from aurora.fleet.job import Job, manifest

    click.echo(manifest(listed.read(file), Job(**given)), nl=False)
