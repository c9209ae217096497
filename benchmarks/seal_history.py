"""Seal where a long history of sealed commits is reached, against a short one: what was compared once stays compared.

Before the log key signs, the log here is compared with every checkpoint that HEAD reaches. Measured is processor time,
that of the Git processes included; both logs fill the same places of their last tiles.
"""

import resource
import tempfile
from itertools import count
from pathlib import Path

from benchmarks._scratch import COMPONENT, commit, deploy, git, repository, sha256
from benchmarks.measure import Row
from remembrancer.audit.session import Session
from remembrancer.ledger import Ledger
from remembrancer.ledger.files import CHECKPOINT, LedgerFiles
from remembrancer.receipt.statement import parse, relative_path
from remembrancer.record.append_only import refuse_fork
from remembrancer.tlog.checkpoint import Checkpoint
from remembrancer.tlog.note import SignerKey, sign_note
from remembrancer.tlog.tree import append
from remembrancer.trust import policy
from remembrancer.user.state import State

SHORT, ROUNDS = 10, 15
LONG = SHORT + 8 * 256
ORIGIN = "dev.invalid/bench"
ZERO = "0" * 40


class _World:
    """A repository whose history has sealed so many times, and the work that is measured in it."""

    def __init__(self, root: Path, seals: int) -> None:
        self.session = Session(repository(root), state=State(root.parent / f"{root.name}.state"))
        self.signer = SignerKey.generate(ORIGIN)
        self.policy = policy.parse(
            f'version = 1\nprofile = "development"\nowner = "{ZERO}"\norigin = "{ORIGIN}"\n[require]\n'
            f'[[log-key]]\nkey = "{self.signer.verifier()}"\n[[signer]]\nname = "a"\nfingerprint = "{ZERO}"\n'
            f'key-sha256 = "{"1" * 64}"\n[[authority]]\nname = "a"\nurl = "local:development"\n'
            f'roots-sha256 = ["{"1" * 64}"]\nself-asserted = true\n'.encode()
        )
        self.versions = count(1)
        self.ledger = Ledger(root)
        self._history(seals)
        self.seal()

    def _history(self, seals: int) -> None:
        """Give the repository a commit for each seal, with the checkpoint of that time; the last one has the tiles.

        The receipts themselves are left out: how large a folder Git lists is not what is asked here.
        """
        root, files = self.session.root, LedgerFiles(self.session.root)
        stream: list[bytes] = []
        size = 0
        for number in range(1, seals + 1):
            entry = deploy(COMPONENT, f"0.{number}.0", sha256(str(number)))
            growth = append(files.read, size, [entry])
            for name, data in growth.files.items():
                (files.folder / name).parent.mkdir(parents=True, exist_ok=True)
                (files.folder / name).write_bytes(data)
            for name in growth.obsolete:
                (files.folder / name).unlink()
            size = growth.size
            note = sign_note(Checkpoint(ORIGIN, size, growth.root).format(), [self.signer])
            (files.folder / CHECKPOINT).write_bytes(note)
            name = (files.folder / CHECKPOINT).relative_to(root).as_posix()
            stream.append(
                b"commit refs/heads/main\ncommitter a <a> %d +0000\ndata 0\n%sM 100644 inline %s\ndata %d\n%s\n"
                % (number, b"from refs/heads/main^0\n" if number == 1 else b"", name.encode(), len(note), note)
            )
        path = root.parent / f"{root.name}.stream"
        path.write_bytes(b"".join(stream))
        with path.open("rb") as file:
            git(root, "fast-import", "--quiet", stdin=file)
        git(root, "reset", "--quiet")
        commit(root)

    def seal(self) -> float:
        """Record and seal the next version, and commit it; returns the seconds of processor that the seal took."""
        entry = deploy(COMPONENT, f"1.{next(self.versions)}.0", sha256("x"))
        path = self.session.store.receipts_dir / relative_path(parse(entry))
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(entry)
        begun = _processor()
        refuse_fork(self.session, self.policy, keep=True)
        sealed = self.ledger.seal(self.signer, written=[path])
        took = _processor() - begun
        if len(sealed.sealed) != 1 or sealed.refused:
            raise RuntimeError(f"not sealed: {sealed.refused}")
        commit(self.session.root)
        return took


def _processor() -> float:
    """Return the seconds of processor time that this process and the programs that it ran have used."""
    both = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(used.ru_utime + used.ru_stime for used in both)


def rows() -> list[Row]:
    """Measure in one process, in turns; the least of each, because a busy machine only adds to it."""
    with tempfile.TemporaryDirectory(prefix="bench-history.") as folder:
        short, long = _World(Path(folder, "short"), SHORT), _World(Path(folder, "long"), LONG)
        times = [(long.seal(), short.seal()) for _ in range(ROUNDS)]
    ours, floor = (sum(sorted(one)[: ROUNDS // 2]) for one in zip(*times, strict=True))
    detail = f"{ours / (ROUNDS // 2) * 1000:.1f} ms / {floor / (ROUNDS // 2) * 1000:.1f} ms of processor time"
    return [Row(f"seal, {LONG:,} seals in the history", ours / floor, 1.05, f"{SHORT} of them", detail=detail)]
