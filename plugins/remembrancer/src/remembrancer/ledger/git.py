"""What Git knows about receipts: the tree that HEAD has under ops/receipts, and what differs between two of them."""

import hashlib
import re
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

from remembrancer.errors import EnvironmentTrouble, Rejected
from remembrancer.paths import LOCAL, RECEIPTS
from remembrancer.receipt.kinds import KINDS
from remembrancer.system import git as gitcall

_ID = re.compile("[0-9a-f]{40}(?:[0-9a-f]{24})?")


class Git:
    """Read-only questions to Git about the repository that holds `root`."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def within(self) -> bool:
        """Say whether the folder lies in a Git work tree, without asking Git."""
        return gitcall.within(self.root)

    def tree(self) -> str:
        """Return the id of HEAD's tree of ops/receipts, or "" when nothing is committed there.

        Raises EnvironmentTrouble `env.git` when Git itself fails: what is committed is then unknown. Raises Rejected
        `log.extra-file` when the local folder is committed: its contents would be somebody else's word.
        """
        done = self._run("rev-parse", f"HEAD:./{RECEIPTS}", f"HEAD:./{LOCAL}")
        if done.returncode == 0:
            raise Rejected("log.extra-file", f"{LOCAL} is committed", f"Run `git rm -r --cached {LOCAL}` and commit.")
        found = done.stdout.decode(errors="replace").partition("\n")[0]
        if _ID.fullmatch(found):
            return found
        if self._listed(RECEIPTS):  # it is there, and could not be read
            raise gitcall.trouble(done)
        return ""

    def changes(self, old: str, new: str) -> dict[str, str] | None:
        """Return path to blob id for every receipt that `new` has and `old` has not, or has otherwise.

        Both are tree ids. A path that is gone maps to "". None when Git no longer has the old tree.
        """
        done = self._run("diff-tree", "-r", "-z", "--no-renames", "--no-abbrev", "--full-index", old, new)
        if done.returncode:
            return None
        fields = done.stdout.decode("utf-8", "surrogateescape").split("\0")
        found = {}
        for facts, path in zip(fields[::2], fields[1::2], strict=False):
            _, mode, _, blob, _ = facts.split(" ")
            if is_receipt(path):
                found[path] = "" if mode == "000000" else blob
        return found

    def listing(self, tree: str) -> Iterator[tuple[str, str]]:
        """Yield (path, blob id) for every receipt of a tree, without holding the listing in memory."""
        command = gitcall.command(self.root, ("ls-tree", "-r", "-z", "--full-tree", tree))
        try:
            process = subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=gitcall.environment()
            )
        except OSError as error:
            raise EnvironmentTrouble("env.git", f"Git cannot be run: {error.strerror}") from None
        with process, process.stdout as stream:  # type: ignore[union-attr]
            rest = b""
            while block := stream.read(1 << 16):
                *records, rest = (rest + block).split(b"\0")
                for record in records:
                    facts, _, name = record.partition(b"\t")
                    path = name.decode("utf-8", "surrogateescape")
                    if is_receipt(path):
                        yield path, facts.split(b" ")[2].decode()
        if process.returncode:
            raise EnvironmentTrouble("env.git", f"Git cannot list the tree {tree}")

    def blob(self, blob: str) -> bytes:
        """Return a blob's bytes. Raises EnvironmentTrouble `env.git`."""
        done = self._run("cat-file", "blob", blob)
        if done.returncode:
            raise gitcall.trouble(done)
        return done.stdout

    def has(self, path: str) -> bool:
        """Say whether HEAD has a file at a path below the root (forward slashes).

        Raises EnvironmentTrouble(env.git) where Git does not say.
        """
        return self._listed(path)

    def _listed(self, path: str) -> bool:
        if not gitcall.head(self.root):
            return False
        done = self._run("ls-tree", "-z", "HEAD", "--", path)
        if done.returncode:
            raise gitcall.trouble(done)
        return bool(done.stdout)

    def uncommitted(self) -> list[str]:
        """Return the receipts that are new or changed on disk since HEAD; costs what `git status` costs."""
        asked = ("status", "--porcelain", "-z", "--untracked-files=all", "--no-renames", "--ignore-submodules=all")
        done = self._run(*asked, "--", RECEIPTS, more=self._no_filters())
        where = self._run("rev-parse", "--show-prefix")
        if done.returncode or where.returncode:
            raise gitcall.trouble(done if done.returncode else where)
        prefix = where.stdout.decode("utf-8", "surrogateescape").rstrip("\n") + f"{RECEIPTS}/"
        names = [record[3:] for record in done.stdout.decode("utf-8", "surrogateescape").split("\0") if record]
        return [name.removeprefix(prefix) for name in names if is_receipt(name.removeprefix(prefix))]

    def _no_filters(self) -> dict[str, str]:
        """Return variables that take away the programs through which a work tree's files would be read."""
        named = self._run("config", "-z", "--name-only", "--get-regexp", r"^filter\..*\.(clean|process|required)$")
        if named.returncode > 1:  # 1: there is none
            raise gitcall.trouble(named)
        keys = [key for key in dict.fromkeys(named.stdout.decode("utf-8", "surrogateescape").split("\0")) if key]
        return gitcall.settings({key: "false" if key.endswith(".required") else "" for key in keys})

    def _run(self, *arguments: str, more: Mapping[str, str] | None = None) -> "subprocess.CompletedProcess[bytes]":
        return gitcall.run(self.root, arguments, more=more)


def is_receipt(path: str) -> bool:
    """Say whether a path below ops/receipts is a receipt's: of a kind's folder, and not the ledger or the archive."""
    return path.endswith(".receipt") and path.partition("/")[0] in KINDS


def blob_id(data: bytes, like: str) -> str:
    """Return the id that Git gives these bytes, in the object format of another id (SHA-1 or SHA-256)."""
    content = b"blob %d\0" % len(data) + data
    if len(like) == 64:
        return hashlib.sha256(content).hexdigest()
    return hashlib.sha1(content, usedforsecurity=False).hexdigest()
