"""What is ours, pushed to a branch of somebody's repository: one commit, or none when somebody else was quicker."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from aurora import git


def publish(url: str, branch: str, onto: str, files: Mapping[str, bytes], message: str) -> bool:
    """Put files (path to bytes) on a remote branch as one commit behind the commit `onto` ("" begins the branch).

    The push is the one instant at which it happens, and only a fast-forward is asked for. Returns False when somebody
    else was quicker. Raises EnvironmentTrouble(env.git).
    """
    for kind in ("sha1", "sha256"):
        with TemporaryDirectory(prefix="aurora-") as name:
            folder = Path(name)
            if onto:
                git.receive(folder, url, "--depth=1", f"refs/heads/{branch}")
                if git.must(folder, "rev-parse", "FETCH_HEAD").decode().strip() != onto:
                    return False
                git.must(folder, "read-tree", onto)
            else:
                git.must(folder, "init", "--quiet", "--bare", "--template=", f"--object-format={kind}", ".")
            commit = _commit(folder, onto, files, message)
            pushed = git.run(folder, "push", "--quiet", "--", git.place(url), f"{commit}:refs/heads/{branch}")
        if pushed.returncode == 0:
            return True
        if git.branch_of(url, branch) != onto:
            return False
        if onto or b"repository's hash algorithm" not in pushed.stderr:  # an empty repository does not say it before
            break
    raise git.failed(pushed)


def _commit(folder: Path, onto: str, files: Mapping[str, bytes], message: str) -> str:
    """Put files into the index of a bare repository, and return a commit of it behind `onto`."""
    for path, data in files.items():
        blob = git.run(folder, "hash-object", "-w", "--stdin", data=data)
        if blob.returncode:
            raise git.failed(blob)
        git.must(folder, "update-index", "--add", "--cacheinfo", f"100644,{blob.stdout.decode().strip()},{path}")
    tree = git.must(folder, "write-tree").decode().strip()
    parents: Sequence[str] = ("-p", onto) if onto else ()
    return git.must(folder, "commit-tree", tree, *parents, "-m", message, more=git.author()).decode().strip()
