"""When a log provably had a given size: what the authorities say that stamped its checkpoints. Pure."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from itertools import pairwise

from remembrancer.errors import RemembrancerError
from remembrancer.trust.establish import Trusted
from remembrancer.trust.policy import Requirements, Rule
from remembrancer.trust.validity import AUTHORITY, KeyFacts, judge
from remembrancer.verify.log import LogView, Stamp, check_stamp


def agreed(times: Mapping[str, datetime], of: int) -> datetime | None:
    """Return the earliest time that `of` authorities agree on: one of them alone may lie. None when they are fewer."""
    return sorted(times.values())[of - 1] if len(times) >= of else None


def agreed_under(times: Mapping[str, datetime], require: Requirements) -> datetime | None:
    """Return the earliest time that as many authorities agree on as a rule asked for that was in force then, or None.

    What was made under an earlier rule was stamped by the authorities of that time, so fewer may date it; but only
    from that rule's beginning to its end.
    """
    for rule, following in pairwise(require.rules):
        found = agreed(times, rule.timestamps)
        if found and following.start and found < following.start:
            return max(found, rule.start) if rule.start else found
    last = require.rules[-1]
    found = agreed(times, last.timestamps)
    return max(found, last.start) if found and last.start else found


class StampedTimes:
    """When the log provably had a given size: the checkpoint stamps of authorities that are in good standing now.

    An ended authority could back-date, and its checkpoint tokens are not leaves that someone else's clock covers,
    so its stamps date nothing. Nor do, in production, those of an authority that the signer runs: who has the signer's
    key has that clock as well.
    """

    def __init__(self, view: LogView, stamps: Iterable[Stamp], trusted: Trusted, now: datetime) -> None:
        self._view, self._trusted, self._now = view, trusted, now
        self._stamps = sorted(stamps, key=lambda stamp: (stamp.size, stamp.authority))
        self._cache: dict[int, datetime | None] = {}
        self._own = {one.name for one in trusted.policy.authorities if not trusted.policy.dates(one)}

    def rule(self, index: int) -> Rule:
        """Return the rule under which the leaf `index` was made: the one at the proven time of its checkpoint.

        As many authorities have to say so as that rule asks for. What nothing dates is judged by the rule in force now;
        a receipt's own clock has no say.
        """
        require = self._trusted.policy.require
        for rule, following in pairwise(require.rules):
            found = agreed(self.by_authority(index, of=rule.timestamps), rule.timestamps)
            if found and following.start and found < following.start:
                return rule
        return require.at(self._now)

    def earliest(
        self, index: int, *, of: int = 1, apart_from: str = "", before: datetime | None = None
    ) -> datetime | None:
        """Return the earliest time at which `of` authorities say that a checkpoint with the leaf `index` existed, or
        None; `apart_from` and `before` as for `by_authority`."""
        return agreed(self.by_authority(index, of=of, apart_from=apart_from, before=before), of)

    def by_authority(
        self,
        index: int,
        *,
        of: int = 1,
        apart_from: str = "",
        before: datetime | None = None,
    ) -> dict[str, datetime]:
        """Return the earliest time of a checkpoint that includes the leaf `index`, by the authorities that say it.

        `apart_from` names an authority that does not count. With `before`, the search goes on until `of` authorities
        name a time at or before it; without, the first good stamps answer, because the log only grows.
        """
        best: dict[str, datetime] = {}
        for number, stamp in enumerate(self._stamps):
            if stamp.size <= index or stamp.authority == apart_from or stamp.authority in self._own:
                continue
            if number not in self._cache:
                self._cache[number] = self._judge(stamp)
            time = self._cache[number]
            if time is not None:
                best[stamp.authority] = min(time, best.get(stamp.authority, time))
            found = agreed(best, of)
            if found is not None and (before is None or found <= before):
                break
        return best

    def _judge(self, stamp: Stamp) -> datetime | None:
        try:
            facts, listed = check_stamp(self._view, stamp, self._trusted)
        except RemembrancerError:
            return None
        if judge(
            listed.name,
            listed.term,
            KeyFacts(),
            claimed=facts.gen_time,
            proven=None,
            now=self._now,
            codes=AUTHORITY,
        ):
            return None
        return facts.latest
