"""`init`: begin a ledger, with throw-away development trust or with production keys that the operator brings."""

import click

from remembrancer.cli.common import Session, command
from remembrancer.cli.output import Report, say


@click.command(epilog="Example: remembrancer init --dev")
@click.option(
    "--dev", "profile", flag_value="development", default=True, help="Throw-away keys of this user (default)."
)
@click.option("--production", "profile", flag_value="production", help="Production trust, with keys that you bring.")
@click.option(
    "--component", metavar="NAME", help="Default: from app/service.json, pyproject.toml or the folder's name."
)
@command()
def init(session: Session, profile: str, component: str | None) -> int:
    """Begin a ledger and write the signed policy that says whom it trusts; receipts that wait are sealed."""
    from remembrancer.cli.seal import seal_now
    from remembrancer.initialise import begin_development, component_of

    repository = session.repository
    policy = begin_development(repository, session.state, component_of(session.root, component), session.clock)
    # only the owner that was just made counts here, whatever the environment says
    session.owners = (policy.owner,)
    sealed = seal_now(session, session.trusted())
    data = {"origin": policy.origin, "profile": str(policy.profile), "owner": policy.owner, **sealed.data}
    return say(
        Report("init", data=data, notices=session.notices),
        session.output,
        f"ledger begun: {policy.origin}",
        f"owner {policy.owner} is pinned for this user only; its throw-away keys are in {session.state.folder}",
        "This is development trust: it proves integrity here and nothing to anyone else.",
        *sealed.lines,
    )
