"""Read-only copies of logs, in a folder or an object store: tiles first, then the checkpoint, never backwards.

- `place`: where a copy lies: files that are created once, and one that is replaced only as it was last seen
- `objects`: such a place in S3, GCS or Azure, through obstore
- `copy`: the copying, in an order that leaves a valid log whenever it is cut off
"""
