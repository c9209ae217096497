"""Many repositories at once: which there are, what each is, and what is wrong with it.

- `listed`: the services of a fleet, in a `fleet.toml` that people review
- `shard`: a share of them, for several machines
- `mirrors`, `releases`: their repositories and the template's tags, fetched into a cache
- `facts`, `proven`, `kept`: what is known of one service, and what an earlier run read of it
- `pool`, `status`, `audit`: all of them, in one pool of processes
- `discover`, `sources`, `forges`: which repositories follow the template, where they are, and how forges are asked
- `plan`, `rollout`: a newer standard, tried first and then proposed in waves
- `row`, `parts`, `members`: the row of one service, and the document that `aurora fleet status` prints
- `page`, `database`, `catalog`: that document for browsers, SQL and Backstage
- `job`, `merge`: shares of a fleet in a cluster, and their results as one
"""
