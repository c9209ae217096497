"""Many repositories at once: which there are, what each is, and what is wrong with it.

- `listed`: the services of a fleet, in a `fleet.toml` that people review
- `shard`: a share of them, for several machines
- `discover`, `forges`: which repositories follow the template, and how forges are asked
- `plan`, `rollout`: a newer standard, tried first and then proposed in waves
- `row`: what is known of one service, and the document that `aurora fleet status` prints
"""
