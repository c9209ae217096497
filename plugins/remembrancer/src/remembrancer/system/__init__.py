"""Files, digests and Git, asked so that nobody else decides what is read or left half-written.

A file appears whole or not at all, and a link in its place is not followed:

>>> from pathlib import Path
>>> from remembrancer.system import read_regular, sha256_file, write_whole
>>> write_whole(Path("notes.txt"), b"kept")
>>> read_regular("notes.txt")
b'kept'
>>> sha256_file(Path("notes.txt"))[:16]
'79f076abdd19a752'
>>> Path("link").symlink_to("notes.txt")
>>> read_regular("link")
Traceback (most recent call last):
remembrancer.errors.Rejected: link is not a regular file...

Git is asked with a command line and an environment in which no setting of the repository runs a program:

>>> import subprocess
>>> from remembrancer.system import git_command, git_environment
>>> call = git_command(".", ["rev-parse", "--is-inside-work-tree"])
>>> subprocess.run(call, env=git_environment(), capture_output=True).returncode
128
"""

from typing import TYPE_CHECKING

from remembrancer.lazy import attach

if TYPE_CHECKING:
    from remembrancer.system.digests import sha256_file
    from remembrancer.system.files import make_folder, read_regular, write_whole
    from remembrancer.system.git import command as git_command
    from remembrancer.system.git import environment as git_environment
else:
    __getattr__, __dir__ = attach(
        __name__,
        {
            "digests": "sha256_file",
            "files": "make_folder, read_regular, write_whole",
            "git": "command as git_command, environment as git_environment",
        },
    )

__all__ = ["git_command", "git_environment", "make_folder", "read_regular", "sha256_file", "write_whole"]
