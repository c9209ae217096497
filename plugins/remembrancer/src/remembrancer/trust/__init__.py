"""Who counts, for what and until when: from a fingerprint given outside to a policy that holds. Pure.

A policy names the keys of the log, of the signers and of the timestamp authorities; its owner signs it:

>>> from pathlib import Path
>>> from remembrancer.openpgp import create_throwaway, export_public, sign_detached
>>> from remembrancer.tlog import SignerKey
>>> home = Path("gnupg")
>>> owner = create_throwaway(home)
>>> text = f'''
... version = 1
... profile = "development"
... owner = "{owner}"
... origin = "dev.invalid/my-svc"
... seal-branch = "main"
...
... [[log-key]]
... key = "{SignerKey.generate("dev.invalid/my-svc").verifier()}"
...
... [[signer]]
... name = "alice"
... fingerprint = "{owner}"
... key-sha256 = "{64 * "0"}"
... components = ["my-svc"]
...
... [[authority]]
... name = "digicert"
... url = "http://timestamp.digicert.com"
... roots-sha256 = ["{64 * "0"}"]
... '''
>>> _ = Path("policy.toml").write_text(text)
>>> signature = sign_detached(Path("policy.toml"), owner, home)

It counts for whoever has the owner's fingerprint from elsewhere, and for nobody else:

>>> from remembrancer.trust import Pins, SignedPolicy, establish_trust
>>> signed = SignedPolicy(text.encode(), {owner: signature}, {owner: export_public(owner, home)})
>>> unseen, no_key_files = (lambda owner, origin: (0, "")), {}.__getitem__
>>> trusted = establish_trust(signed, Pins(explicit=(owner,)), unseen, no_key_files)
>>> trusted.policy.signer(owner).may_sign("my-svc"), trusted.policy.signer(owner).may_sign("billing")
(True, False)
>>> establish_trust(signed, Pins(), unseen, no_key_files)
Traceback (most recent call last):
remembrancer.errors.Unverifiable: ...
"""

from typing import TYPE_CHECKING

from remembrancer.lazy import attach

if TYPE_CHECKING:
    from remembrancer.trust.bundle import TrustBundle
    from remembrancer.trust.bundle import parse as parse_trust_bundle
    from remembrancer.trust.bundle import render as render_trust_bundle
    from remembrancer.trust.establish import Pins, SignedPolicy, Trusted
    from remembrancer.trust.establish import establish as establish_trust
    from remembrancer.trust.policy import Ended, LogKey, Policy, Profile, Requirements, Signer, Term, TimeAuthority
    from remembrancer.trust.policy import parse as parse_policy
    from remembrancer.trust.render import render as render_policy
    from remembrancer.trust.validity import KeyFacts
    from remembrancer.trust.validity import judge as judge_key
else:
    __getattr__, __dir__ = attach(
        __name__,
        {
            "bundle": "TrustBundle, parse as parse_trust_bundle, render as render_trust_bundle",
            "establish": "Pins, SignedPolicy, Trusted, establish as establish_trust",
            "policy": "Ended, LogKey, Policy, Profile, Requirements, Signer, Term, TimeAuthority, "
            "parse as parse_policy",
            "render": "render as render_policy",
            "validity": "KeyFacts, judge as judge_key",
        },
    )

__all__ = [
    "Ended",
    "KeyFacts",
    "LogKey",
    "Pins",
    "Policy",
    "Profile",
    "Requirements",
    "SignedPolicy",
    "Signer",
    "Term",
    "TimeAuthority",
    "TrustBundle",
    "Trusted",
    "establish_trust",
    "judge_key",
    "parse_policy",
    "parse_trust_bundle",
    "render_policy",
    "render_trust_bundle",
]
