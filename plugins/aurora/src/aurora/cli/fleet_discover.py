"""`aurora fleet discover`: find the repositories that were made from the template, and list them."""

from pathlib import Path

import click

from aurora.cli.fleet import fleet_option, say, wait_option
from aurora.cli.main import emit, shown
from remembrancer.errors import BadInput


@click.command(
    epilog="Example: aurora fleet discover --github acme --template https://github.com/vaultmesh/vaultmesh.git"
)
@fleet_option
@click.option("--github", multiple=True, metavar="OWNER", help="An organisation or a user on GitHub.")
@click.option("--gitlab", multiple=True, metavar="GROUP", help="A group with its subgroups, or a user, on GitLab.")
@click.option("--api", default="", metavar="URL", help="The forge's interface, such as https://git.example.com/api/v3.")
@click.option(
    "--list",
    "lists",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="A file of URLs, one a line.",
)
@click.option(
    "--folder",
    "folders",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    help="A folder with clones.",
)
@click.option("--template", default="", metavar="URL", help="Take only services of this template; kept in the list.")
@click.option("--name", default="", metavar="NAME", help="The name of a new list's fleet.")
@click.option("--ssh", is_flag=True, help="List the URLs for SSH.")
@wait_option
@click.option("--dry-run", is_flag=True, help="Write nothing.")
@shown
def discover(
    file: Path,
    *,
    github: tuple[str, ...],
    gitlab: tuple[str, ...],
    api: str,
    lists: tuple[Path, ...],
    folders: tuple[Path, ...],
    template: str,
    name: str,
    ssh: bool,
    wait: int,
    dry_run: bool,
    output: str,
) -> int:
    """Add the repositories that have this template's answers file to the list of the fleet, for a review.

    Entries that are there stay as they are, with their pins; one that is not found any more is named. The token is that
    of GITHUB_TOKEN or GITLAB_TOKEN, or of Git's credential helper; it goes to the forge in a header, and nowhere else.

    A repository that cannot be read, or that no list may have, is named and keeps nobody else out: the exit status is
    then 4, or 1.
    """
    from aurora.fleet import listed
    from aurora.fleet.discover import discover as find
    from aurora.fleet.discover import summary
    from aurora.fleet.forges.known import Forges
    from aurora.fleet.sources import in_folder, in_list, on_forge

    if not (github or gitlab or lists or folders):
        raise BadInput("input.field", "say where to look: --github, --gitlab, --list or --folder")
    if api and bool(github) == bool(gitlab):
        raise BadInput("input.field", "--api goes with either --github or --gitlab")
    known = listed.read(file) if file.exists() else listed.Fleet(folder=file.absolute().parent)
    fleet = known._replace(template=template or known.template, name=name or known.name)
    sources = [
        *(on_forge("github", one, api, ssh=ssh, patience=wait, say=say) for one in github),
        *(on_forge("gitlab", one, api, ssh=ssh, patience=wait, say=say) for one in gitlab),
        *(in_list(one, Forges()) for one in lists),
        *(in_folder(one, say) for one in folders),
    ]
    done = find(fleet, sources, say=say)
    if not dry_run:
        listed.write(file, done.fleet)
    data = {
        "exitCode": done.exit_code,
        "services": len(done.fleet.services),
        "new": list(done.new),
        "vanished": list(done.vanished),
        "others": done.others,
        "unread": [one._asdict() for one in done.unread],
        "file": None if dry_run else str(file),
    }
    emit(data, output, *summary(done))
    return done.exit_code
