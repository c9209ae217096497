"""Was the key allowed? Every ending, with and without proof of when the signature was made."""

from datetime import UTC, datetime

import pytest

from remembrancer.errors import Rejected, RemembrancerError, Unverifiable
from remembrancer.trust.policy import Ended, Term
from remembrancer.trust.validity import AUTHORITY, KeyFacts, judge


def day(number: int) -> datetime:
    return datetime(2026, 1, number, tzinfo=UTC)


NOW = day(20)
OPEN, GONE = Term(), KeyFacts("retired")
SUPERSEDED = Term(until=day(10), ended=Ended.SUPERSEDED)
RETIRED = Term(until=day(10), ended=Ended.RETIRED)
LATER = Term(until=day(25), ended=Ended.RETIRED)
COMPROMISED = Term(ended=Ended.COMPROMISED)
SINCE = Term(ended=Ended.COMPROMISED, compromised_at=day(10))

# what, term, certificate, claimed, proven, reason code ("" is good), exit status
ROWS: list[tuple[str, Term, KeyFacts, datetime, datetime | None, str, int]] = [
    ("valid key", OPEN, KeyFacts(), day(5), None, "", 0),
    ("valid key, proven", OPEN, KeyFacts(), day(5), day(6), "", 0),
    ("valid until later", Term(until=day(25)), KeyFacts(), day(5), None, "", 0),
    ("from the future", OPEN, KeyFacts(), day(21), None, "sig.outside-term", 1),
    ("before its term", Term(start=day(6)), KeyFacts(), day(5), None, "sig.outside-term", 1),
    ("superseded, proven before", SUPERSEDED, KeyFacts(), day(5), day(6), "", 0),
    ("superseded, proven at its end", SUPERSEDED, KeyFacts(), day(5), day(10), "", 0),
    ("superseded, proven after", SUPERSEDED, KeyFacts(), day(5), day(11), "sig.time-unproven", 3),
    ("superseded, not proven", SUPERSEDED, KeyFacts(), day(5), None, "sig.time-unproven", 3),
    ("superseded, claims a later time", SUPERSEDED, KeyFacts(), day(11), day(12), "sig.outside-term", 1),
    ("retired, proven before", RETIRED, KeyFacts(), day(5), day(6), "", 0),
    ("retired, not proven", RETIRED, KeyFacts(), day(5), None, "sig.time-unproven", 3),
    ("retired from a later day", LATER, KeyFacts(), day(5), None, "sig.time-unproven", 3),
    ("until passed, proven before", Term(until=day(10)), KeyFacts(), day(5), day(6), "", 0),
    ("until passed, not proven", Term(until=day(10)), KeyFacts(), day(5), None, "sig.time-unproven", 3),
    ("expired, proven before", OPEN, KeyFacts(expires=day(10)), day(5), day(6), "", 0),
    ("expired, not proven (back-dated?)", OPEN, KeyFacts(expires=day(10)), day(5), None, "sig.time-unproven", 3),
    ("expired, claims a later time", OPEN, KeyFacts(expires=day(10)), day(11), None, "sig.outside-term", 1),
    ("compromised", COMPROMISED, KeyFacts(), day(5), day(6), "sig.key-compromised", 1),
    ("compromised later, proven before", SINCE, KeyFacts(), day(5), day(6), "", 0),
    ("compromised later, proven at that time", SINCE, KeyFacts(), day(5), day(10), "sig.key-compromised", 1),
    ("compromised later, not proven", SINCE, KeyFacts(), day(5), None, "sig.key-compromised", 1),
    ("compromised later, proven after", SINCE, KeyFacts(), day(5), day(11), "sig.key-compromised", 1),
    ("revoked, the policy does not say why", OPEN, GONE, day(5), day(6), "sig.key-revoked", 1),
    ("revoked, the policy explains it", RETIRED, GONE, day(5), day(6), "", 0),
    ("revoked as compromised, called retired", RETIRED, KeyFacts("compromised"), day(5), day(6), "sig.key-revoked", 1),
    ("revoked as compromised, explained", SINCE, KeyFacts("compromised"), day(5), day(6), "", 0),
    ("revoked and compromised, not proven", SINCE, KeyFacts("compromised"), day(5), None, "sig.key-compromised", 1),
]  # fmt: skip


NAMES = [row[0] for row in ROWS]


@pytest.mark.parametrize(("what", "term", "facts", "claimed", "proven", "code", "status"), ROWS, ids=NAMES)
def test_rule(
    what: str, term: Term, facts: KeyFacts, claimed: datetime, proven: datetime | None, code: str, status: int
) -> None:
    found = judge("alice", term, facts, claimed=claimed, proven=proven, now=NOW)
    assert (found.code if found else "", found.exit_code if found else 0) == (code, status)
    if found:
        assert isinstance(found, (Rejected, Unverifiable))
        assert "alice" in found.message


def test_authorities_follow_the_same_rule() -> None:
    def code(term: Term, proven: datetime | None) -> str:
        found: RemembrancerError | None = judge(
            "tsa", term, KeyFacts(), claimed=day(5), proven=proven, now=NOW, codes=AUTHORITY
        )
        return found.code if found else ""

    assert code(RETIRED, None) == "time.time-unproven"
    assert code(RETIRED, day(6)) == ""
    assert code(COMPROMISED, day(6)) == "time.key-compromised"
    assert code(SINCE, day(6)) == ""
