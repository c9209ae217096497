"""What an authority that has ended still proves: nothing by itself, and what another one dates before its end."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from cli_support import ARTIFACT, Scratch, change_policy, ledger, owner, released
from ledger_world import waiver
from remembrancer.audit.gather import gather, open_ledger
from remembrancer.repository.reader import Repository
from remembrancer.repository.store import Store
from remembrancer.system.digests import sha256_file
from remembrancer.trust import policy
from remembrancer.trust.establish import Trusted
from remembrancer.verify.proofs import Prover
from remembrancer.verify.stamps import StampedTimes

URL = 'url = "local:development"'


@pytest.fixture
def scratch() -> Iterator[Scratch]:
    scratch = released()
    yield scratch
    scratch.remove()


def soon() -> str:
    return (datetime.now(UTC) + timedelta(minutes=1)).strftime("%Y-%m-%dT%H:%M:%SZ")


def signature(scratch: Scratch) -> str:
    findings = scratch.json("verify-full", ARTIFACT).report["findings"]
    return str(next(one["code"] for one in findings if one["check"] == "signature"))


def test_its_stamps_date_no_ended_key_s_signature(scratch: Scratch) -> None:
    """Whoever broke an authority can stamp any checkpoint with any time."""
    scratch.ok("trust", "revoke", "development", "--as", "retired", "--until", soon())
    assert signature(scratch) == "signature.ok"
    change_policy(scratch, URL, f'until = {soon()}\nended = "retired"\n{URL}')
    assert signature(scratch) == "sig.time-unproven"


def test_it_is_not_asked_for_stamps_any_more(scratch: Scratch) -> None:
    change_policy(scratch, URL, f'until = {soon()}\nended = "superseded"\n{URL}')
    Store(scratch.root).write_receipt(waiver("x"))
    before = set((ledger(scratch) / "timestamps").iterdir())
    done = scratch.ok("seal")
    assert "sealed 1 receipt;" in done.out
    assert "time.pending" not in done.out, "nobody is waited for who will never be asked"
    assert {path.suffix for path in set((ledger(scratch) / "timestamps").iterdir()) - before} <= {".note"}


class Own(StampedTimes):
    """Stamps from before the end by the ended authority alone; asked for all but one, they leave that one out."""

    names: tuple[str, ...] = ("development",)

    def by_authority(
        self, index: int, *, of: int = 1, apart_from: str = "", before: datetime | None = None
    ) -> dict[str, datetime]:
        return {name: before or datetime.now(UTC) for name in self.names if name != apart_from}


class Other(Own):
    """The same with one more authority."""

    names = ("development", "other")


@pytest.mark.parametrize("ended", ["", '\nended = "superseded"'])
@pytest.mark.parametrize("dated", [True, False])
def test_its_tokens_count_where_another_one_dates_them(scratch: Scratch, ended: str, dated: bool) -> None:
    change_policy(scratch, URL, f"until = {soon()}{ended}\n{URL}")
    repository = Repository(scratch.root)
    trusted = Trusted(policy.parse(repository.read("ops/trust/policy.toml")), owner(scratch), repository.key)
    log, now = open_ledger(repository, trusted.policy), datetime.now(UTC) + timedelta(hours=1)
    artifact = Path(scratch.root / ARTIFACT)
    digest = sha256_file(artifact)
    evidence = gather(repository, artifact, digest, log)
    prover = Prover(evidence, log, trusted, "my-svc", now)
    assert log.view is not None
    prover.times = (Other if dated else Own)(log.view, evidence.stamps, trusted, now)
    finding, _ = prover.timestamps(evidence.timestamps, bytes.fromhex(digest))
    assert finding.code == ("timestamp.ok" if dated else "time.time-unproven")
