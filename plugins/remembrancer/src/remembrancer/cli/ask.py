"""`init --production` on a terminal: what was not given is asked for, one question after the other."""

from pathlib import Path

import click

from remembrancer.record.answers import Answers, Listed

_KEYS = "gpg --list-secret-keys --keyid-format none"


def ask_for_missing(known: Answers) -> Answers:
    """Return the answers with those that a person at the terminal gave; asks nothing when none is missing."""
    if all((known.domain, known.owner, known.signers, known.log_key_file, known.authorities)):
        return known
    click.echo("What is asked here can also stand in a file: --answers FILE. Nothing is written before the end.")
    return known._replace(
        domain=known.domain or click.prompt("Your domain; the log is called DOMAIN/COMPONENT"),
        owner=known.owner or click.prompt(f"Fingerprint of the owner, who signs the policy ({_KEYS})"),
        signers=known.signers or (click.prompt("Fingerprint of the signer, whose key the pipeline has"),),
        log_key_file=known.log_key_file or Path(click.prompt("File of the private log key", default="../log.key")),
        authorities=known.authorities or _ask_authorities(),
    )


def _ask_authorities() -> tuple[Listed, ...]:
    found: list[Listed] = []
    while not found or click.confirm("Another timestamp authority?", default=len(found) == 1):
        name = click.prompt("A name for the timestamp authority", default=f"tsa-{len(found) + 1}")
        url = click.prompt("Where it answers (URL)")
        root = Path(click.prompt("File of its root certificate (PEM)"))
        between = click.prompt("File of a chain certificate that its answers leave out", default="", show_default=False)
        found.append(Listed(name, url, (root,), (Path(between),) if between else ()))
    return tuple(found)
