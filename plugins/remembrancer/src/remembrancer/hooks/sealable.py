"""The checks of the seal, over Git's index: what is refused later is better refused before it is committed."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from remembrancer.errors import Rejected
from remembrancer.hooks.staged import Staged
from remembrancer.paths import POLICY
from remembrancer.receipt import manifest as manifests
from remembrancer.receipt.statement import Receipt
from remembrancer.record import seal
from remembrancer.record.future import refuse_future
from remembrancer.repository.reader import MAX_FILE, Repository
from remembrancer.trust import policy
from remembrancer.trust.establish import Trusted


class _Index(Repository):
    """The repository as it is staged."""

    def __init__(self, staged: Staged) -> None:
        super().__init__(Path(staged.root))
        self._staged = staged

    def read(self, path: str, limit: int = MAX_FILE) -> bytes:
        data = self._staged.file(path)
        if data is None:
            raise FileNotFoundError(path)
        if len(data) > limit:
            raise Rejected("receipt.size", f"{path} is larger than {limit} bytes")
        return data


def checker(staged: Staged, now: datetime) -> Callable[[Receipt], None]:
    """Return the check that a new receipt must pass, under the policy in the index; before there is one, less is asked.

    Raises BadInput(policy.*) for a policy that cannot be read.
    """
    repository = _Index(staged)
    text = staged.file(POLICY)
    if text is not None:
        parsed = policy.parse(text)
        return seal.checker(repository, Trusted(parsed, parsed.owner, repository.key), now)

    def check(receipt: Receipt) -> None:
        if receipt.kind in {"spawn", "update"}:
            manifest = receipt.predicate["manifest"]
            manifests.read(repository.blob(manifest["sha256"]), manifest)
        refuse_future(receipt, now)

    return check
