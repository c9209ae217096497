"""What the new version renders with the recorded answers: digests at once, the bytes only where somebody needs them."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

import manifest
import seen


class Fresh:
    """`files` is path to SHA-256 hex of every rendered file, `runnable` those that may be run."""

    def __init__(self, source: Path, call: Mapping[str, str], root: Path, stack: ExitStack) -> None:
        self._source, self._call, self._root, self._stack = source, call, root, stack
        self._folder: Path | None = None
        answers = call["answers_file"]
        noted = seen.noted(call["commit"], (answers, manifest.sha256_file(root / answers)))
        if noted:
            self.files = {path: digest for path, (digest, _) in noted.items()}
            self.runnable = {path for path, (_, runs) in noted.items() if runs}
        else:
            folder = self.folder()
            self.files = manifest.tree(folder)
            self.runnable = manifest.executables(folder, self.files)

    def folder(self) -> Path:
        """Return a folder with the rendering. Raises manifest.ManifestError."""
        if self._folder is None:
            self._folder = self._stack.enter_context(manifest.rendering(self._source, self._call, self._root))
        return self._folder


@contextmanager
def fresh(source: Path, call: Mapping[str, str], root: Path) -> Iterator[Fresh]:
    """Give what a version renders (`call` as for `manifest.rendering`). Raises manifest.ManifestError."""
    with ExitStack() as stack:
        yield Fresh(source, call, root, stack)
