"""From a question to what is looked for: words that carry meaning, and other words for the same thing.

Nothing of a question is an operator: each word becomes a quoted phrase.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

MOST = 40  # words of a question; a longer one is a pasted document
_WORD = re.compile(r"\w+(?:[.:/+_'’-]\w+)*")

STOP = frozenset(
    re.findall(
        r"\S+",
        """
    a about above after again all allowed already also although always am an and another any anybody anyone
    anything are aren around as ask at away back be became because become been before begin being below best
    better between both but by call came can cannot case choice choose chose chosen come comes could decide
    decided decision decisions did didn do does doesn doing don done down during each either else ever every
    everybody everything exactly explain few find for from further get gets getting give given go goes going
    good got had happen happened happens has have having he her here him his how however i idea if in instead
    into is isn it its just keep kind know let like long look made make makes making many may me mean might more
    most much must my need needs never no nobody none nor not nothing now of off often ok okay on once one only
    or other our ours out over own part people perhaps please possible problem put quite rather really reason
    reasons right said same say see seen shall she should show since so some somebody someone something
    sometimes somewhere still stop such sure take taken tell than that the their them then there these they
    thing things think this those though through thus time to together too took toward try two under until up
    upon us use used uses using usually various very via want wants was way we well went were what when where
    whether which while who whom whose why will with within without won work would yes yet you your
    """,
    )
)

# one word in several spellings; what only has to do with it is in related.bin
_SAME = """
a11y accessibility
admin administrator
app application
auth authentication authorization
authn authentication
authz authorization
config configuration
cred credential
db database
deps dependencies
dev development
docs documentation
env environment
es elasticsearch
gh github
i18n internationalization localization translation
l10n localization translation
infra infrastructure
js javascript
k8s kubernetes
lib library
mfa 2fa multifactor
mongo mongodb
msg message
o11y observability
ops operations
org organization
param parameter
perf performance
pg postgres postgresql
prod production
py python
rb ruby
repo repository
spec specification
tf terraform
ts typescript
vm vms
"""
# behaviour, organisation, licence: both spellings are met in one repository
_SPELLINGS = (("isation", "ization"), ("ise", "ize"), ("ised", "ized"), ("ising", "izing"), ("our", "or"),
              ("yse", "yze"), ("ence", "ense"), ("ogue", "og"))  # fmt: skip

# other words for the same thing in this trade
_ALIKE = """
postgres postgresql
k8s kubernetes
db database
mongo mongodb
gpu gpus graphics accelerator
api interface
auth authentication authenticate login oidc signin
employee employees staff
delete deleted deletion remove erase forget purge
retention retain ninety
encrypt encryption encrypted
gdpr privacy personal
secret secrets credential credentials password passwords
rotate rotation renew rotated
repo repository monorepo
ci pipeline build
deploy deployed deployment release rollout
gradual gradually canary incremental stepwise
rollback revert undo
downtime maintenance outage
postmortem incident
disaster failover region
recovery restore standby
cheap cheaper cost costs bill money expensive price
amount amounts price prices money currency
float floats floating decimal
flag flags switch switches toggle toggles
async asynchronous background queue worker
throttle throttling limit rate quota
broker messaging message queue
event events message messages stream
mock mocks fake stub
library libraries dependency dependencies package packages
update updates upgrade patch
vulnerability malicious typosquatted attack attacks
cdn edge
website site page
stale outdated old
trace traces tracing span spans
sample sampled sampling
log logs logging
format structured json
timezone zone utc
timestamp timestamps time
language languages python
framework fastapi
microservice microservices service
duplicate duplicates twice idempotent idempotency
retry retries repeat repetition
payload body
timeout timeouts
hang hangs hung slow
fuzzy misspelled typo mistakes
search lookup find
spot preemptible
interrupted interruption preempted
container containers docker
helm chart charts
yaml manifest manifests
tls certificate certificates https
metric metrics monitoring
key keys
id ids identifier identifiers uuid
train trained training model
cache cached caching
backup backups dump
"""


def _others(lines: str) -> dict[str, tuple[str, ...]]:
    """Return for each word the other ones of its lines."""
    found: dict[str, tuple[str, ...]] = {}
    for line in lines.strip().splitlines():
        same = line.split()
        for word in same:
            found[word] = (*found.get(word, ()), *(other for other in same if other != word))
    return found


SAME, ALIKE = _others(_SAME), _others(_ALIKE)


@dataclass(frozen=True, slots=True)
class Term:
    """One thing that is looked for: the word, other spellings of it, and other words for it."""

    word: str
    same: tuple[str, ...]
    alike: tuple[str, ...]


def terms(question: str) -> list[Term]:
    """Return what a question asks for, without stop words and repetitions: nothing, for one of stop words alone."""
    found: dict[str, Term] = {}
    for word in _words(question):
        if word not in STOP and len(word) <= 200:
            found.setdefault(
                word, Term(word, tuple(dict.fromkeys(_same(word))), tuple(dict.fromkeys(ALIKE.get(word, ()))))
            )
    return list(found.values())[:MOST]


def _same(word: str) -> Iterator[str]:
    yield from SAME.get(word, ())
    for pair in _SPELLINGS:
        for one, other in (pair, pair[::-1]):
            if word.endswith(one) and len(word) > len(one) + 2:
                yield word.removesuffix(one) + other


def _words(question: str) -> Iterator[str]:
    text = question.encode("utf-8", "replace").decode().lower().replace("’", "'")
    for word in _WORD.findall(text):
        whole = re.sub(r"n't$|'s$|'(?:re|ve|ll|d|m)$", "", word)
        if re.search(r"[0-9]", whole):
            yield whole  # a version, a digest, a path: one phrase
        else:
            yield from re.findall(r"[^\W_]+", whole)


def quoted(word: str) -> str:
    """Return a word as a phrase of the search language, in which it cannot be an operator."""
    return '"' + word.replace('"', " ") + '"'
