"""What this user remembers between runs: pinned owners, the newest policy versions, and the newest checkpoints.

Everything lies in `$XDG_STATE_HOME/remembrancer` (default `~/.local/state/remembrancer`), folders 0700, files
0600, each write a temporary file renamed into place. Nothing here is read from the repository that is being verified.
"""

import contextlib
import hashlib
import json
import os
import re
import stat
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from remembrancer.errors import BadInput, EnvironmentTrouble
from remembrancer.named import NamedTuple

_FINGERPRINT = re.compile(r"[0-9A-F]{40}|[0-9A-F]{64}")
_SIZE = re.compile("0|[1-9][0-9]{0,18}")
_ROOT = re.compile("([0-9a-f]{2})+")
_KEEP_SIZES = 4096


def state_dir(environ: Mapping[str, str] = os.environ) -> Path:
    """Return the state folder that the environment names (it need not exist).

    A relative XDG_STATE_HOME is ignored, as the XDG base directory specification says.
    """
    base = environ.get("XDG_STATE_HOME", "")
    if base and Path(base).is_absolute():
        return Path(base) / "remembrancer"
    home = environ.get("HOME", "")
    return (Path(home) if home else Path.home()) / ".local" / "state" / "remembrancer"


def fingerprint(text: str) -> str:
    """Return an OpenPGP primary-key fingerprint in upper case without spaces or 0x.

    Raises BadInput(input.fingerprint) for anything but 40 or 64 hexadecimal digits: a short key id can be forged.
    """
    plain = "".join(text.split()).upper().removeprefix("0X")
    if not _FINGERPRINT.fullmatch(plain):
        raise BadInput("input.fingerprint", f"not a full OpenPGP fingerprint: {text[:80]!r}")
    return plain


class Seen(NamedTuple):
    """The newest checkpoint remembered for one origin and log key: the signed note, its size, and earlier roots."""

    note: bytes
    size: int
    roots: Mapping[int, str]


class Compared(NamedTuple):
    """A comparison that need not be made again: all that a commit reaches is in the log of this size and root (hex)."""

    commit: str
    size: int
    root: str


class Remembered(NamedTuple):
    """One thing that was seen: `policies` (of an owner, to a version) or `checkpoints` (of a log key, to a size)."""

    kind: str
    whose: str
    newest: int
    path: Path


class State:
    """The folder of one user; nothing is created before the first write."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or state_dir()

    def pins(self) -> dict[str, tuple[str, ...]]:
        """Return the pinned owners: fingerprint to the origins it is pinned for ("" is any)."""
        found = {}
        for owner, origins in (self._read("pins.json") or {}).items():
            listed = [origins] if isinstance(origins, str) else origins
            if not isinstance(listed, list) or not listed or not all(isinstance(one, str) for one in listed):
                raise self._damaged("pins")
            try:
                found[fingerprint(owner)] = tuple(listed)
            except BadInput as error:
                raise self._damaged("pins") from error
        return found

    def pin(self, owner: str, origin: str = "") -> None:
        """Remember an owner's fingerprint as trusted, for one more origin or (empty) for any."""
        with self._alone():
            pins = self.pins()
            origins = dict.fromkeys([*pins.get(fingerprint(owner), ()), origin])
            self._write_pins({**pins, fingerprint(owner): tuple(origins)})

    def unpin(self, owner: str) -> bool:
        """Forget an owner; returns whether it was pinned."""
        with self._alone():
            pins = self.pins()
            known = pins.pop(fingerprint(owner), None) is not None
            if known:
                self._write_pins(pins)
        return known

    def _write_pins(self, pins: Mapping[str, tuple[str, ...]]) -> None:
        # one origin is written as earlier versions read it
        self._write("pins.json", {one: found[0] if len(found) == 1 else list(found) for one, found in pins.items()})

    def newest_policy(self, owner: str, origin: str) -> tuple[int, str]:
        """Return version and digest of the newest policy seen from this owner for this origin; (0, "") when none."""
        value = self._read(self._name("policies", owner, origin))
        if value is None:
            return 0, ""
        version, digest = value.get("version"), value.get("digest")
        if type(version) is not int or not isinstance(digest, str):
            raise self._damaged("policies")
        return version, digest

    def remember_policy(self, owner: str, origin: str, version: int, digest: str) -> None:
        """Remember a verified policy's version and digest (SHA-256, hex), unless a newer one is remembered by now."""
        with self._alone():
            if self.newest_policy(owner, origin)[0] <= version:
                self._write(
                    self._name("policies", owner, origin),
                    {"owner": owner, "origin": origin, "version": version, "digest": digest},
                )

    def seen(self, origin: str, key_id: str) -> Seen | None:
        """Return the newest checkpoint remembered for an origin and log key id, or None."""
        value = self._read(self._name("checkpoints", origin, key_id))
        if value is None:
            return None
        note, size, roots = value.get("note"), value.get("size"), value.get("roots")
        if not isinstance(note, str) or type(size) is not int or not isinstance(roots, dict):
            raise self._damaged("checkpoints")
        if str(size) not in roots or not all(_SIZE.fullmatch(one) and _is_root(roots[one]) for one in roots):
            raise self._damaged("checkpoints")
        try:
            return Seen(note.encode(), size, {int(key): str(root) for key, root in roots.items()})
        except UnicodeEncodeError as error:
            raise self._damaged("checkpoints") from error

    def remember_checkpoint(self, origin: str, key_id: str, note: bytes, size: int, root: str) -> None:
        """Remember a verified checkpoint (signed note, tree size, root in hex); earlier sizes' roots are kept."""
        old = self.seen(origin, key_id)
        if old and old.size == size and old.note == note:
            return
        with self._alone():
            self._keep(origin, key_id, note, size, root)

    def _keep(self, origin: str, key_id: str, note: bytes, size: int, root: str) -> None:
        old = self.seen(origin, key_id)
        roots = {**(old.roots if old else {}), size: root}
        newest = sorted(roots)[-_KEEP_SIZES:]
        keep = (old.note, old.size) if old and old.size > size else (note, size)
        self._write(
            self._name("checkpoints", origin, key_id),
            {
                "origin": origin,
                "key": key_id,
                "note": keep[0].decode(),
                "size": keep[1],
                "roots": {str(number): roots[number] for number in newest},
            },
        )

    def compared(self, origin: str, keys: Sequence[str]) -> Compared | None:
        """Return what was compared last under these log keys, or None; a cache, so what cannot be read is nothing."""
        try:
            value = self._read(self._name("compared", origin, *keys)) or {}
            return Compared(str(value["commit"]), int(str(value["size"])), str(value["root"]))
        except (EnvironmentTrouble, KeyError, ValueError):
            return None

    def remember_compared(self, origin: str, keys: Sequence[str], done: Compared) -> None:
        """Keep a comparison; failing to is no trouble, because it is then made again."""
        with contextlib.suppress(EnvironmentTrouble):
            self._write(self._name("compared", origin, *keys), done._asdict())

    def remembered(self, origin: str) -> tuple[Remembered, ...]:
        """Return everything that is remembered about an origin: its owners' policies, and checkpoints by log key."""
        found = []
        for kind, name, value in (("policies", "owner", "version"), ("checkpoints", "key", "size")):
            folder = self.folder / kind
            for path in sorted(folder.glob("*.json")) if folder.is_dir() else []:
                held = self._read(f"{kind}/{path.name}") or {}
                if held.get("origin") != origin:
                    continue
                newest = held.get(value)
                if not isinstance(newest, int):
                    raise self._damaged(kind)
                found.append(Remembered(kind, str(held.get(name, "")), newest, path))
        return tuple(found)

    def forget(self, origin: str) -> tuple[Remembered, ...]:
        """Forget what was seen of an origin, and return it; pins and keys stay.

        Raises EnvironmentTrouble(env.state).
        """
        with self._alone():
            found = self.remembered(origin)
            for one in found:
                try:
                    one.path.unlink(missing_ok=True)
                except OSError as error:
                    raise EnvironmentTrouble("env.state", f"cannot remove {one.path}: {error.strerror}") from error
        return found

    def keys_folder(self, origin: str) -> Path:
        """Return the folder of this origin's development keys: `dev/<SHA-256 of the origin, 16 digits>`."""
        return self.folder / "dev" / hashlib.sha256(origin.encode()).hexdigest()[:16]

    def evidence(self, name: str, data: bytes) -> Path:
        """Keep evidence (for example two contradicting checkpoints) under `evidence/<name>`; returns its path."""
        self._store(self.folder / "evidence" / name, data)
        return self.folder / "evidence" / name

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """Hold the folder's lock, so that what is read, changed and written again loses nothing of another process."""
        import fcntl  # noqa: PLC0415 - absent on Windows, where nothing but remembering reaches this line

        try:
            _make_private(self.folder)
            handle = os.open(self.folder / ".lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise EnvironmentTrouble("env.state", f"cannot write {self.folder}: {error.strerror}") from error
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)

    def _name(self, folder: str, *parts: str) -> str:
        return f"{folder}/{hashlib.sha256(chr(10).join(parts).encode()).hexdigest()}.json"

    def _damaged(self, name: str) -> EnvironmentTrouble:
        return EnvironmentTrouble(
            "env.state",
            f"the remembered {name} in {self.folder} cannot be read",
            "Look at the file; remove it to start anew.",
        )

    def _read(self, name: str) -> dict[str, object] | None:
        """Return a file's JSON object, None only where there is no file: one without content is damage."""
        file = self.folder / name
        try:
            if not stat.S_ISREG(file.stat().st_mode):  # a pipe would be waited for
                raise EnvironmentTrouble("env.state", f"cannot read {file}: it is not a file")
            data = file.read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            if file.is_symlink():
                raise EnvironmentTrouble("env.state", f"cannot read {file}: it is a link to nowhere") from None
            return None
        except OSError as error:
            raise EnvironmentTrouble("env.state", f"cannot read {file}: {error.strerror}") from error
        try:
            value = json.loads(data)
        except (ValueError, RecursionError) as error:
            raise self._damaged(name) from error
        if not isinstance(value, dict):
            raise self._damaged(name)
        return value

    def _write(self, name: str, value: Mapping[str, object]) -> None:
        self._store(self.folder / name, (json.dumps(value, indent=2, sort_keys=True) + "\n").encode())

    def _store(self, path: Path, data: bytes) -> None:
        try:
            write_private(path, data)
        except OSError as error:
            raise EnvironmentTrouble("env.state", f"cannot write {path}: {error.strerror}") from error


class Unwritten(State):
    """The same memory for a program that only reads: what it would remember is forgotten, and no file is touched."""

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        yield

    def _store(self, path: Path, data: bytes) -> None:
        """Keep nothing."""


def _is_root(value: object) -> bool:
    return isinstance(value, str) and _ROOT.fullmatch(value) is not None


def write_private(path: Path, data: bytes) -> None:
    """Write a file with mode 0600 atomically, making its folders with mode 0700; raises OSError."""
    _make_private(path.parent)
    temporary = path.parent / f".new-{os.getpid()}-{os.urandom(8).hex()}"
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise


def _make_private(folder: Path) -> None:
    """Make a folder and its missing parents with mode 0700."""
    for one in reversed([folder, *folder.parents]):
        if not one.exists():
            one.mkdir(mode=0o700, exist_ok=True)
