"""Other teams' ledgers: audited under an owner that the user pins, and taken in by content, read-only.

- `listed`: which peers there are, in `ops/receipts/peers/peers.toml`
- `sync`: fetching one, judging it, and taking in what is new
- `memory`: asking what was taken in
"""
