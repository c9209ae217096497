"""Where a repository keeps what is recorded and who is trusted: names only, from its root, with forward slashes.

Here and not in `repository`, because a finding names these places and what judges must not open them.
"""

RECEIPTS = "ops/receipts"
LEDGER = f"{RECEIPTS}/ledger"
CHECKPOINT = f"{LEDGER}/checkpoint"
LOCAL = f"{RECEIPTS}/.local"
DECISIONS = f"{RECEIPTS}/adr"
TRUST = "ops/trust"
POLICY = f"{TRUST}/policy.toml"
