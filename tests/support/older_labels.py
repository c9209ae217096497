"""A service's manifests as they were while a migration's pods still had the label of the server's.

Told backwards from today's, so that any clone can make them: object by object what the commit before that change made.
"""

from pathlib import Path

NOT_APP = "  # Not app: by that label the Deployment chooses its pods, and a migration's are none of them.\n"
POLICIES = ("database/allow-database.yaml", "network-policy/allow-dns.yaml", "network-policy/default-deny.yaml")


def older_labels(manifests: Path) -> None:
    """Turn the manifests below `ops/k8s` of my-svc back, in place."""
    for path in (manifests / "overlays").glob("*/kustomization.yaml"):
        label_by_overlay(path)
    for name in POLICIES:
        edit(manifests / "components" / name, 'app.kubernetes.io/name: "my-svc"', 'app: "my-svc"')
    edit(manifests / "components/database/migration.yaml", "app: my-svc-migrate", 'app: "my-svc"')


def label_by_overlay(path: Path) -> None:
    """Let an overlay give its label `app` to every pod, as overlays did that a team copied back then."""
    edit(path, NOT_APP, "")
    edit(path, "    pairs:\n", '    pairs:\n      app: "my-svc"\n')


def edit(path: Path, old: str, new: str) -> None:
    """Replace what is there once."""
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1, (path, old)
    path.write_text(text.replace(old, new), encoding="utf-8")
