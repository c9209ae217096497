"""Everything that writes receipts about releases and trust, and seals them.

A development ledger begins with throw-away keys that only this user trusts; recording then seals at once:

>>> from pathlib import Path
>>> from remembrancer.audit import Session
>>> from remembrancer.record import Given, record_deploy, seal_after, start_development
>>> from remembrancer.user import State
>>> root = Path("my-svc").resolve()
>>> (root / "dist").mkdir(parents=True)
>>> _ = (root / "dist/my-svc-1.0.0.tar.gz").write_bytes(b"what is released")
>>> session = Session(root, state=State(root.parent / "state"))
>>> start_development(session, "my-svc").policy.profile.value
'development'
>>> done = record_deploy(session, Given("my-svc", "1.0.0"))
>>> done.path.as_posix(), done.new
('ops/receipts/deploy/my-svc-1.0.0.receipt', True)
>>> seal_after(session, wait=False).result.refused
()

A version is recorded once. The same digest again writes nothing, and another one is refused:

>>> record_deploy(session, Given("my-svc", "1.0.0")).new
False
>>> _ = (root / "dist/my-svc-1.0.0.tar.gz").write_bytes(b"the same version, built again")
>>> record_deploy(session, Given("my-svc", "1.0.0"))
Traceback (most recent call last):
remembrancer.errors.Refused: ...
"""

from typing import TYPE_CHECKING

from remembrancer.lazy import attach

if TYPE_CHECKING:
    from remembrancer.record.answers import Answers, Listed, read_answers
    from remembrancer.record.deploy import Recorded, record_deploy, record_rollback
    from remembrancer.record.finish import Sealed, seal_after, seal_now, sign, timestamp
    from remembrancer.record.policy_change import with_authority, with_signer
    from remembrancer.record.start import Begun, check_production, start_development, start_production
    from remembrancer.record.statements import Given
    from remembrancer.record.trust_change import add_signer, change_policy, revoke, rotate_log_key
else:
    __getattr__, __dir__ = attach(
        __name__,
        {
            "answers": "Answers, Listed, read_answers",
            "deploy": "Recorded, record_deploy, record_rollback",
            "finish": "Sealed, seal_after, seal_now, sign, timestamp",
            "policy_change": "with_authority, with_signer",
            "start": "Begun, check_production, start_development, start_production",
            "statements": "Given",
            "trust_change": "add_signer, change_policy, revoke, rotate_log_key",
        },
    )

__all__ = [
    "Answers",
    "Begun",
    "Given",
    "Listed",
    "Recorded",
    "Sealed",
    "add_signer",
    "change_policy",
    "check_production",
    "read_answers",
    "record_deploy",
    "record_rollback",
    "revoke",
    "rotate_log_key",
    "seal_after",
    "seal_now",
    "sign",
    "start_development",
    "start_production",
    "timestamp",
    "with_authority",
    "with_signer",
]
