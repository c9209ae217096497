"""A witness by c2sp.org/tlog-witness: it cosigns what provably extends what it cosigned before, and nothing else.

- `request`: what was submitted, parsed, and whether its log signed it
- `decide`: what a witness answers, given what it cosigned last (pure)
- `state`: what it cosigned last and the evidence that it keeps, in SQLite
- `server`: the same over HTTP
"""
