"""The files of a service repository that verification reads, and nothing else: policy, keys, ledger, receipts,
blobs."""

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from remembrancer.errors import Rejected
from remembrancer.openpgp.certificate import MAX_CERTIFICATE_BYTES
from remembrancer.openpgp.verify import MAX_SIGNATURE_BYTES
from remembrancer.paths import LEDGER, RECEIPTS, TRUST
from remembrancer.receipt.statement import MAX_BYTES, Receipt, parse, relative_path
from remembrancer.repository.store import Store
from remembrancer.system.files import read_regular
from remembrancer.tlog.tile import Reader, TileError, decode_bundle, entries_path
from remembrancer.trust.establish import SignedPolicy
from remembrancer.trust.policy import MAX_BYTES as MAX_POLICY
from remembrancer.verify.evidence import Entry

if TYPE_CHECKING:
    from subprocess import CompletedProcess

MAX_FILE = 256 * (2 + MAX_BYTES)  # an entry bundle of the largest receipts

_FINGERPRINT = re.compile(r"[0-9A-F]{40}|[0-9A-F]{64}")


class Repository:
    """Read access to one repository; every read is bounded, and a file that is a link or a pipe is refused."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._prefix = f"{root}/"

    @cached_property
    def store(self) -> Store:
        """The receipts and blobs as files, also for writing."""
        return Store(self.root)

    def read(self, path: str, limit: int = MAX_FILE) -> bytes:
        """Return a regular file's bytes. Raises FileNotFoundError, Rejected(input.file) for a link or a pipe,
        Rejected(receipt.size), EnvironmentTrouble(env.io)."""
        try:
            data = read_regular(f"{self._prefix}{path}", limit)
        except FileNotFoundError:
            raise FileNotFoundError(path) from None
        if len(data) > limit:
            raise Rejected("receipt.size", f"{path} is larger than {limit} bytes")
        return data

    def signed_policy(self) -> SignedPolicy | None:
        """Return the policy with its signatures and owners' certificates, or None when there is no policy file."""
        return policy_beside(self.root / TRUST / "policy.toml")

    def key(self, sha256: str) -> bytes:
        """Return the key file that is named by its SHA-256 (hex); raises FileNotFoundError."""
        return self.read(f"{TRUST}/keys/{sha256}")

    def ledger_file(self, path: str) -> bytes:
        """Return a file of the ledger (checkpoint, tile, entries); raises FileNotFoundError."""
        return self.read(f"{LEDGER}/{path}")

    @property
    def ledger_reader(self) -> Reader:
        """The reader that tile trees want."""
        return self.ledger_file

    def blob(self, sha256: str) -> bytes:
        """Return a blob, checked against its name; see `Store.read_blob`."""
        return self.store.read_blob(sha256)

    def on_disk(self, receipt: Receipt) -> bytes | None:
        """Return the bytes of the file at a receipt's place, or None."""
        try:
            return self.read(f"{RECEIPTS}/{relative_path(receipt)}", MAX_BYTES)
        except FileNotFoundError:
            return None

    def sealed_about(self, digests: list[str], size: int) -> Iterator[Entry]:
        """Yield the log's entries in whose bytes one of the digests stands, straight from the entry bundles.

        What it yields is only found, not proven: the index must be checked against the signed root. A damaged or
        missing bundle raises Rejected(log.bundle, log.missing).
        """
        needles = [digest.encode() for digest in digests]
        for first in range(0, size, 256):
            path = entries_path(first // 256, min(256, size - first))
            try:
                data = self.ledger_file(path)
            except FileNotFoundError:
                try:
                    data = self.ledger_file(entries_path(first // 256))
                except FileNotFoundError as error:
                    raise Rejected("log.missing", f"{LEDGER}/{path} is missing") from error
            if not any(needle in data for needle in needles):
                continue
            try:
                entries = decode_bundle(data)
            except TileError as error:
                raise Rejected("log.bundle", f"{LEDGER}/{path} {error}") from error
            for offset, entry in enumerate(entries):
                if any(needle in entry for needle in needles):
                    receipt = parse(entry)
                    yield Entry(receipt, first + offset, self.on_disk(receipt))

    def files_about(self, digests: list[str], kinds: tuple[str, ...]) -> Iterator[Entry]:
        """Yield the receipts in files in whose bytes one of the digests stands, whether sealed or not (index None).

        What is no receipt is no evidence, and keeps no verdict from the others; verify-audit names it.
        """
        needles = [digest.encode() for digest in digests]
        for kind in kinds:
            for name in sorted(name for name in self.store.walk(kind) if name.endswith(".receipt")):
                with suppress(Rejected, FileNotFoundError):
                    data = self.read(f"{RECEIPTS}/{name}", MAX_BYTES)
                    if any(needle in data for needle in needles):
                        yield Entry(parse(data), None, data)

    def branch(self) -> str | None:
        """Return the checked-out branch, "" for a detached HEAD, None when this is not a Git repository.

        Raises EnvironmentTrouble(env.git) where it is one and Git does not say.
        """
        from remembrancer.system import git as gitcall  # noqa: PLC0415 - few verdicts ask Git

        if not gitcall.within(self.root):
            return None
        # in full: Git shortens a branch that a tag is named like to heads/<name>, and whoever pushes makes such a tag
        done = self.git("symbolic-ref", "--quiet", "HEAD")
        if done.returncode > 1:
            raise gitcall.trouble(done)
        return done.stdout.decode(errors="replace").strip().removeprefix("refs/heads/")

    def head(self) -> str:
        """Return the id of HEAD's commit, "" where there is none. Raises EnvironmentTrouble(env.git)."""
        from remembrancer.system import git as gitcall  # noqa: PLC0415 - few verdicts ask Git

        return gitcall.head(self.root)

    def is_shallow(self) -> bool:
        """Say whether history ends here before its first commit, also where Git does not say that it does not."""
        return self.git("rev-parse", "--is-shallow-repository").stdout.strip() != b"false"

    def had(self, *paths: str) -> bool:
        """Return whether one of the paths is here, or HEAD or its history has one. Raises EnvironmentTrouble(env.git).

        A path that was there and is gone is a deletion; what was never there was not begun.
        """
        if any(os.path.lexists(self.root / path) for path in paths):
            return True
        if not self.head():
            return False
        from remembrancer.system import git as gitcall  # noqa: PLC0415 - few verdicts ask Git

        done = self.git("rev-list", "--max-count=1", "HEAD", "--", *paths)
        if done.returncode:
            raise gitcall.trouble(done)
        return bool(done.stdout.strip())

    def git(self, *arguments: str, data: bytes = b"") -> "CompletedProcess[bytes]":
        """Run Git in the repository, by the rules of `gitcall`, and return what it did.

        Raises EnvironmentTrouble(env.git) where there is no Git program.
        """
        from remembrancer.system import git as gitcall  # noqa: PLC0415 - few verdicts ask Git

        return gitcall.run(self.root, arguments, data=data)


def policy_beside(path: Path) -> SignedPolicy | None:
    """Return a policy file with the signatures (policy.toml.<FPR>.asc) and certificates (keys/) beside it, or None.

    Raises Rejected(input.file) for links, Rejected(receipt.size), EnvironmentTrouble(env.io).
    """
    here = Repository(path.parent)
    try:
        text = here.read(path.name, MAX_POLICY)
    except FileNotFoundError:
        return None
    signatures, certificates = {}, {}
    for file in sorted(path.parent.iterdir()):
        owner = file.name.removeprefix("policy.toml.").removesuffix(".asc")
        if file.name != f"policy.toml.{owner}.asc" or not _FINGERPRINT.fullmatch(owner):
            continue
        signatures[owner] = here.read(file.name, MAX_SIGNATURE_BYTES)
        try:
            certificates[owner] = here.read(f"keys/{owner}.asc", MAX_CERTIFICATE_BYTES)
        except FileNotFoundError:
            continue
    return SignedPolicy(text, signatures, certificates)
