"""This project's own decisions pass the hook that it gives to others, once they are recorded."""

from cli_support import end_agents, new_scratch
from collection import ROOT

FOLDER = "ops/receipts/adr"


def test_the_decisions_of_this_repository_can_be_recorded() -> None:
    scratch = new_scratch()
    try:
        scratch.ok("init", "--dev", "--component", "my-svc")
        own = sorted((ROOT / FOLDER).glob("ADR-*.md"))
        assert own
        for path in own:
            scratch.write(f"{FOLDER}/{path.name}", path.read_bytes())
        for path in own:
            scratch.ok("adr", "accept", "--no-seal", f"{FOLDER}/{path.name}")
            assert (scratch.root / FOLDER / path.name).read_bytes() == path.read_bytes()
        scratch.ok("seal")
        scratch.git("add", "-A")
        hook = scratch.run("hook", "pre-commit")
        assert (hook.status, hook.err) == (0, "")
        assert scratch.run("verify-audit").status == 0
    finally:
        end_agents(scratch)
        scratch.remove()
