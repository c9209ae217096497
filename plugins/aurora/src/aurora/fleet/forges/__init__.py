"""Forges by their REST interfaces: which repositories there are, and a pull or merge request for each.

- `base`: what every forge answers, in this package's own words
- `access`: which token goes to which host, and nowhere else
- `rest`: one HTTP client with pages, rate limits and a deadline
- `github`, `gitlab`: the two interfaces
- `known`: which forge a repository's URL belongs to
"""
