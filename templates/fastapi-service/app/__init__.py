"""The service: one process, one port, started with `python -m app`."""
