"""Repositories of others: fetched into a folder of our own and read out of Git, never checked out.

- `objects`: one commit of a bare repository, read with limits
- `unpack`, `cloned`: what an audit reads of it, as files; no checkout, no filter, no hook, no link
- `snapshot`: the newest commit of a remote branch, as a log to read from
"""
