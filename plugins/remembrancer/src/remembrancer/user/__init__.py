"""What lies in this user's home, outside every repository: pins, what was seen, private keys.

A pin says whom this user trusts. The fingerprint comes from the owner, never from the repository that is verified:

>>> from pathlib import Path
>>> from remembrancer.user import State, fingerprint
>>> state = State(Path("state"))
>>> owner = fingerprint("0123 4567 89ab cdef 0123  4567 89ab cdef 0123 4567")
>>> state.pin(owner, "example.com/my-svc")
>>> state.pins()
{'0123456789ABCDEF0123456789ABCDEF01234567': ('example.com/my-svc',)}

What was seen of a policy or a log is remembered, so that an older one is noticed when it comes back:

>>> state.remember_policy(owner, "example.com/my-svc", 3, "a" * 64)
>>> state.newest_policy(owner, "example.com/my-svc")[0]
3
"""

from typing import TYPE_CHECKING

from remembrancer.lazy import attach

if TYPE_CHECKING:
    from remembrancer.user.keys import log_key, read_log_key, write_log_key
    from remembrancer.user.state import Seen, State, fingerprint, state_dir
else:
    __getattr__, __dir__ = attach(
        __name__,
        {"keys": "log_key, read_log_key, write_log_key", "state": "Seen, State, fingerprint, state_dir"},
    )

__all__ = ["Seen", "State", "fingerprint", "log_key", "read_log_key", "state_dir", "write_log_key"]
