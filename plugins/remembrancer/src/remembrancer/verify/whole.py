"""Every entry of a log, and what only all of them together can tell. Pure: file contents come from a reader.

An inclusion proof shows that something is in a log, never that something is not. Whoever asks for the newest of its
kind has to see all entries, and that they are those which the signed root commits to.
"""

from collections.abc import Iterator

from remembrancer.errors import Rejected
from remembrancer.receipt.statement import parse
from remembrancer.tlog.merkle import leaf_hash, root_of_hashes
from remembrancer.tlog.tile import WIDTH, Reader, Tile, TileError, read_bundle
from remembrancer.trust.policy import Policy

_TRUST = b'"predicateType": "https://vaultmesh.cloud/receipt/trust/v1"'


def entries(read: Reader, size: int, root: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield (index, bytes) of all entries of a log; what they say counts only once the last one was taken.

    Takes the reader of the log's files, and size and root (32 bytes) of a verified checkpoint. Raises Rejected
    (log.tile) at the end where the entries do not lead to that root, and log.missing.
    """
    hashes: list[bytes] = []
    for first in range(0, size, WIDTH):
        for index, entry in enumerate(_bundle(read, first, size), first):
            hashes.append(leaf_hash(entry))
            yield index, entry
    if len(hashes) != size or root_of_hashes(hashes) != root:
        raise Rejected("log.tile", "the ledger's entries do not have the root of its signed checkpoint")


def _bundle(read: Reader, first: int, size: int) -> list[bytes]:
    try:
        return read_bundle(read, Tile(None, first // WIDTH, min(WIDTH, size - first)))
    except TileError as error:
        raise Rejected("log.tile", f"the ledger's {error}") from None
    except FileNotFoundError as error:
        raise Rejected("log.missing", f"the ledger's {error.args[-1]} is missing") from None


class PolicyVersions:
    """The newest policies that a log's trust receipts record; give it every entry."""

    def __init__(self) -> None:
        self.version = 0
        self.digests: set[str] = set()

    def see(self, entry: bytes) -> None:
        """Take an entry. Raises Rejected for a trust receipt that cannot be read."""
        if _TRUST not in entry:
            return
        receipt = parse(entry)
        if receipt.kind != "trust":
            return
        version = int(receipt.predicate["policyVersion"])
        if version > self.version:
            self.version, self.digests = version, set()
        if version == self.version:
            self.digests.add(receipt.subject[0].sha256)

    def refuse(self, policy: Policy) -> None:
        """Raise Rejected(trust.policy-rollback, trust.policy-fork) for a policy that the log knows better.

        A newer one is not refused: its receipt may wait for the next seal.
        """
        if policy.version < self.version:
            raise Rejected(
                "trust.policy-rollback",
                f"the policy here is version {policy.version}, and the log records version {self.version}",
            )
        if policy.version == self.version and self.digests != {policy.digest}:
            raise Rejected("trust.policy-fork", f"the log records another policy as version {policy.version}")


def refuse_older_policy(policy: Policy, read: Reader, size: int, root: bytes) -> None:
    """Raise Rejected unless a policy is at least as new as every one that the log records; see the two above."""
    seen = PolicyVersions()
    for _, entry in entries(read, size, root):
        seen.see(entry)
    seen.refuse(policy)
