"""Evidence and a policy in, findings out. Pure: it knows no repository.

Whoever verifies has bytes from anywhere. Here a log of one deploy receipt is made in memory:

>>> from hashlib import sha256
>>> from remembrancer.receipt import build, parse
>>> from remembrancer.tlog import Checkpoint, SignerKey, append, sign_note
>>> content = b"what is released"
>>> artifact = {"name": "my-svc-1.0.0.tar.gz", "sha256": sha256(content).hexdigest()}
>>> receipt = parse(build("deploy", [(artifact["name"], artifact["sha256"])], {
...     "recordedAt": "2026-01-02T03:04:05Z", "recordedBy": "ci", "component": "my-svc", "version": "1.0.0",
...     "artifact": artifact, "evidence": artifact, "environment": "staging", "rollback": "the version before",
... }))
>>> key = SignerKey.generate("dev.invalid/my-svc")
>>> grown = append({}.__getitem__, 0, [receipt.data])
>>> checkpoint = sign_note(Checkpoint(key.name, grown.size, grown.root).format(), [key])

The checkpoint counts under a policy that names the log's key, and the receipt by its inclusion proof:

>>> from remembrancer.trust import parse_policy
>>> from remembrancer.verify import Artifact, Entry, Evidence, Log, check_hash, check_inclusion, open_log
>>> policy = parse_policy(f'''
... version = 1
... profile = "development"
... owner = "{40 * "A"}"
... origin = "{key.name}"
... seal-branch = "main"
... log-key = [{{ key = "{key.verifier()}" }}]
... signer = [{{ name = "ci", fingerprint = "{40 * "A"}", key-sha256 = "{64 * "0"}", components = ["*"] }}]
... authority = [{{ name = "tsa", url = "http://tsa.example.com", roots-sha256 = ["{64 * "0"}"] }}]
... '''.encode())
>>> log = Log(open_log(checkpoint, grown.files.__getitem__, policy))
>>> entry = Entry(receipt, 0, receipt.data)
>>> evidence = Evidence(Artifact(artifact["name"], artifact["sha256"], content), (), {}.__getitem__, (entry,))
>>> for finding in (check_hash(evidence), check_inclusion(log, evidence.deploys)):
...     print(finding.outcome, finding.code)
verified hash.ok
verified inclusion.ok

What was not sealed is never taken for what was:

>>> other = parse(receipt.data.replace(b"staging", b"testing"))
>>> check_inclusion(log, [Entry(other, 0, other.data)]).code
'log.not-included'
"""

from typing import TYPE_CHECKING

from remembrancer.lazy import attach

if TYPE_CHECKING:
    from remembrancer.verify.above import Climbed, climb
    from remembrancer.verify.above import attach as attach_above
    from remembrancer.verify.artifact import check_hash, check_inclusion, check_log, verify_full
    from remembrancer.verify.bundle import Above, Portable, open_portable
    from remembrancer.verify.bundle import parse as parse_portable
    from remembrancer.verify.evidence import Artifact, Entry, Evidence, Log
    from remembrancer.verify.log import LogView, Stamp, open_checkpoint, open_log
    from remembrancer.verify.packing import export as export_portable
    from remembrancer.verify.proofs import Prover
else:
    __getattr__, __dir__ = attach(
        __name__,
        {
            "above": "Climbed, attach as attach_above, climb",
            "artifact": "check_hash, check_inclusion, check_log, verify_full",
            "bundle": "Above, Portable, open_portable, parse as parse_portable",
            "evidence": "Artifact, Entry, Evidence, Log",
            "log": "LogView, Stamp, open_checkpoint, open_log",
            "packing": "export as export_portable",
            "proofs": "Prover",
        },
    )

__all__ = [
    "Above",
    "Artifact",
    "Climbed",
    "Entry",
    "Evidence",
    "Log",
    "LogView",
    "Portable",
    "Prover",
    "Stamp",
    "attach_above",
    "check_hash",
    "check_inclusion",
    "check_log",
    "climb",
    "export_portable",
    "open_checkpoint",
    "open_log",
    "open_portable",
    "parse_portable",
    "verify_full",
]
