"""`aurora fleet job`: the manifest with which a cluster looks at a fleet."""

from pathlib import Path

import click

from aurora.cli.fleet import fleet_option


@click.command(
    epilog="Example: aurora fleet job --image registry.example.org/aurora@sha256:0123...4567 --shards 8 "
    "--namespace fleet --claim results --git-secret git > job.yaml"
)
@fleet_option
@click.option("--image", required=True, metavar="REF", help="The image with aurora and Git in it, by its digest.")
@click.option("--shards", required=True, type=int, metavar="N", help="How many pods, each with its share.")
@click.option("--claim", required=True, metavar="NAME", help="The claim that many pods may write, for the results.")
@click.option("--namespace", required=True, metavar="NAME", help="Where the Job runs.")
@click.option("--name", default="aurora-fleet", show_default=True, help="What its name begins with.")
@click.option(
    "--git-secret", "secret", default="", metavar="NAME", help="A Secret with .gitconfig and .git-credentials."
)
def job(file: Path, *, image: str, shards: int, claim: str, namespace: str, name: str, secret: str) -> None:
    """Print a Kubernetes Indexed Job that runs `sync` and `status --shard i/n` in n pods.

    Each pod writes status-i.json into the claim, where the fleet's memory is kept too; `aurora fleet merge` joins them.
    The list is in a ConfigMap, credentials only in the Secret that is named.
    """
    from aurora.fleet import listed
    from aurora.fleet.job import Job, manifest

    click.echo(manifest(listed.read(file), Job(name, namespace, image, shards, claim, secret)), nl=False)
