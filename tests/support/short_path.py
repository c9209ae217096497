"""Where the tests put what must have a short path: the sockets of gpg's agent may have about a hundred characters."""

import tempfile

_SHORT = 16


def short_path(prefix: str) -> str:
    """Make a new folder with a short path and return it; whoever asks removes it."""
    usual = tempfile.gettempdir()
    return tempfile.mkdtemp(prefix=prefix, dir=usual if len(usual) <= _SHORT else "/tmp")
