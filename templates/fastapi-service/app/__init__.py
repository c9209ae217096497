"""The service: one process, one port, started with `python -m app`. What `app/core` holds belongs to the standard."""
