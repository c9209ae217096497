"""Many repositories at once: which there are, what each is, and what is wrong with it.

- `listed`: the services of a fleet, in a `fleet.toml` that people review
- `shard`: a share of them, for several machines
- `row`: what is known of one service, and the document that `aurora fleet status` prints
"""
