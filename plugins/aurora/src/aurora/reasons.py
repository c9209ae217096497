"""Reason codes that only Aurora gives, beside those of the Remembrancer; docs/reason-codes.md lists both."""

from remembrancer.reasons import Reason

REASONS: dict[str, Reason] = {
    "env.oversized": Reason(
        "A repository sent more than is taken from one, or what it sent would fill more memory than that is worth.",
        "Ask its owner what it holds; if it is right, set AURORA_FETCH_LIMIT to more MiB (2048 without it).",
    ),
    "evidence.form": Reason(
        "A file does not have the form of evidence of a fork.",
        "Take the file as the witness or `remembrancer verify-audit` wrote it; `aurora evidence schema` describes it.",
    ),
    "evidence.no-fork": Reason(
        "Both checkpoints hold, but the file does not show that they contradict each other.",
        "Compare the two logs themselves; a log that has only grown is not forked.",
    ),
    "evidence.no-key": Reason(
        "Nobody said which key signs for the log, and a file cannot vouch for itself.",
        "Give the log's verifier key, as its owner published it, with --key.",
    ),
    "fleet.audit": Reason(
        "A document is not the audit of a fleet.",
        "Take it as `aurora fleet audit` wrote it; `aurora fleet audit-schema` describes it.",
    ),
    "fleet.base-moved": Reason(
        "A service's branch has moved since the plan was made, so what was tried is not what would be proposed.",
        "Plan again; what follows the version already is not planned a second time.",
    ),
    "fleet.branch-taken": Reason(
        "A service has a branch of the rollout's name with something else in it than what the plan gives.",
        "Look at that branch, and rename or delete it; a rollout never overwrites a branch.",
    ),
    "fleet.conflicts": Reason(
        "An update of a service leaves files that need a manual merge, so a rollout leaves it out.",
        "Update it by hand, as docs/updating.md describes; the plan lists the files.",
    ),
    "fleet.consent": Reason(
        "A plan or a rollout runs the template's code and the services' own tests, and nobody agreed to that.",
        "Read what `aurora fleet plan --help` says of it, and add --trust.",
    ),
    "fleet.crashed": Reason(
        "The process that read a service was killed; the others were read all the same.",
        "Look at this repository alone with `remembrancer verify-audit`, and for memory with fewer --jobs.",
    ),
    "fleet.credentials": Reason(
        "A URL in the list of a fleet holds more than a place, and the list is committed for everybody to read.",
        "Take user names, passwords, tokens and queries out of it; Git asks a credential helper for them.",
    ),
    "fleet.declined": Reason(
        "Somebody closed a request of a rollout without a merge.",
        "Ask why; open it again, or let later waves not wait for it with --despite NAME.",
    ),
    "fleet.endless": Reason(
        "A repository took longer than its deadline, or sent more than a mirror may hold.",
        "Ask its owner what it holds; a large one may need a longer --deadline, or more MiB in AURORA_FETCH_LIMIT.",
    ),
    "fleet.evidence": Reason(
        "Evidence that an audit names is not beside it, or has other bytes than its name says.",
        "Leave the shares with `aurora fleet audit --results PLACE`, move PLACE whole, and find out who changed it.",
    ),
    "fleet.forge": Reason(
        "A forge cannot be reached, or answered with something that is not an answer of its interface.",
        "Run the command again; if it stays, check the URL of the interface and that its version is supported.",
    ),
    "fleet.forge-access": Reason(
        "A forge refuses the question: no token, one that may not do this, or nothing of that name.",
        "Set GITHUB_TOKEN or GITLAB_TOKEN, or store one with Git's credential helper; the guide says which rights.",
    ),
    "fleet.forge-limit": Reason(
        "A forge's answers are more, or take longer, than one run takes; nothing was written.",
        "Ask for a smaller group, or find out why the forge is so slow; docs/fleet.md names the limits.",
    ),
    "fleet.forge-offer": Reason(
        "A forge offers a repository with a path or a URL that no list may have; only that one is left out.",
        "Correct it at the forge; a repository that is served in another way can be listed by hand.",
    ),
    "fleet.job": Reason(
        "A Kubernetes Job cannot be made of what was given: a name, an image, a count, or a service on this machine.",
        "Correct what the message names; `aurora fleet job --help` has an example.",
    ),
    "fleet.late": Reason(
        "Reading a service took longer than one service may take; the others were read all the same.",
        "Look at this repository alone with `remembrancer verify-audit`.",
    ),
    "fleet.list": Reason(
        "The list of a fleet is not one: an unknown key, a name twice, or something that is no URL.",
        "Correct the line that the message names; docs/fleet.md has an example.",
    ),
    "fleet.listed-twice": Reason(
        "The list of a fleet has one repository twice, perhaps once by SSH and once by HTTPS.",
        "Take one of the two entries out; two branches of one repository may both be listed, each with its name.",
    ),
    "fleet.no-answers": Reason(
        "A service has no answers file of this template at the top of its default branch.",
        "Take it out of the list, or generate it; a service below a folder is updated by hand.",
    ),
    "fleet.no-branch": Reason(
        "A repository is empty, or does not have the branch that the list of the fleet names.",
        "Correct branch in fleet.toml, or leave it out for the default branch.",
    ),
    "fleet.no-service": Reason(
        "A repository has nothing of a service at its top: no answers file, no receipts, no trust policy.",
        "List the repository that the service was generated into; one in a folder of a repository is not looked at.",
    ),
    "fleet.not-synced": Reason(
        "A service of the list has no mirror yet.",
        "Run `aurora fleet sync` with the same list and --cache.",
    ),
    "fleet.other-template": Reason(
        "A service's answers file names another template than the one that is rolled out, and its code is not run.",
        "If it is the same one under another address, name that with --source.",
    ),
    "fleet.oversized": Reason(
        "A repository holds more, or larger, files than are read of one.",
        "Ask its owner what it holds; verify it alone in a clone with `remembrancer verify-audit`.",
    ),
    "fleet.plan": Reason(
        "A plan is not one, or not the list's or the service's any more, or is of a share, or of a branch and no tag.",
        "Plan again with `aurora fleet plan`, join shares with `aurora fleet merge`, and do not edit the file.",
    ),
    "fleet.rate-limit": Reason(
        "A forge asks to wait longer than was allowed.",
        "Run the command again later, or allow it more time with --wait; a token raises the limit.",
    ),
    "fleet.result-differs": Reason(
        "An update gives other files than when the plan was made, from the same commits.",
        "Plan again, and look for what a task of the template takes from the machine or the clock.",
    ),
    "fleet.shard": Reason(
        "A share of a fleet is given in another form than i/n.",
        "Count from 0, as JOB_COMPLETION_INDEX does: --shard 0/8 to --shard 7/8.",
    ),
    "fleet.shard-foreign": Reason(
        "A result is of another fleet, list, command, version or number of shares, or holds another share's service.",
        "Run all shares of one command with one list, version and set of the template's releases; merge only these.",
    ),
    "fleet.shard-missing": Reason(
        "Of the shares of a fleet one is not there, or a service of the list is in none of them.",
        "Run the missing share with --shard, with the list that the others had, and merge again.",
    ),
    "fleet.shard-stale": Reason(
        "A share of a fleet is more than a day older than another one, so it is of another run.",
        "Run that share again, or all of them into a place of their own, and merge what one run wrote.",
    ),
    "fleet.shard-twice": Reason(
        "A share of a fleet, or a service in one, was given twice.",
        "Give the result of each share once.",
    ),
    "fleet.share-differs": Reason(
        "In the place for results lies another result of the same share, and nothing is written over.",
        "Give each run a place of its own; if this is one run, two machines had one share and saw different things.",
    ),
    "fleet.status": Reason(
        "A document is not the status of a fleet.",
        "Take it as `aurora fleet status --format json` wrote it; `aurora fleet schema` describes it.",
    ),
    "fleet.template": Reason(
        "The template has no such version.",
        "See `git ls-remote --tags URL`, and push the tag first.",
    ),
    "fleet.template-moved": Reason(
        "The template's tag names another commit than when the plan was made.",
        "Find out who moved it; if that is right, plan again.",
    ),
    "fleet.tests-failed": Reason(
        "A service's own tests do not pass after the update.",
        "Mend the template or the service, and plan again; the plan lists the tests.",
    ),
    "fleet.tree": Reason(
        "A commit holds what no version of Git writes: names that no file could have, one name twice, no tree.",
        "Somebody made it by hand; ask the repository's owner who can push to it.",
    ),
    "fleet.unreachable": Reason(
        "A repository could not be fetched, so its row shows what was read of it before, if anything.",
        "Try `git ls-remote URL`: the address, the network and Git's credential helper are the usual reasons.",
    ),
    "fleet.update-failed": Reason(
        "Copier did not carry a service's update out.",
        "Run it by hand in a clone, as docs/updating.md describes; its table says what each sentence means.",
    ),
    "fleet.wave-red": Reason(
        "A service of an earlier wave is red: failed checks, a declined request, or nothing could be proposed.",
        "Mend that first, or let the wave not wait for it with --despite NAME.",
    ),
    "fleet.wave-waiting": Reason(
        "A service of an earlier wave has neither a merged request nor one with green checks.",
        "Run the command again when it has, or let the wave not wait for it with --despite NAME.",
    ),
    "mirror.conditions": Reason(
        "A place writes over a file although the condition of the write does not hold, so a copy could go backwards.",
        "Choose a store that honours If-Match and If-None-Match, or mirror to a folder.",
    ),
    "peer.endless": Reason(
        "A peer's log claims more entries than are taken in.",
        "Ask its owner whether that is so; a log that size is better read where it is.",
    ),
    "peer.known": Reason(
        "A peer of this name or origin is listed already.",
        "Take another name, or edit ops/receipts/peers/peers.toml if the peer moved or has another owner.",
    ),
    "peer.unknown": Reason(
        "No peer of this name is listed, or the list is malformed.",
        "See `aurora peer list`, or add it with `aurora peer add`.",
    ),
    "witness.clock": Reason(
        "The machine's clock is behind the time of a cosignature that this witness has already made.",
        "Set the clock right; if it was ahead before, retire this witness and begin one with other keys.",
    ),
    "witness.logs": Reason(
        "The file of logs that a witness serves is not what its format requires.",
        "Write one line for each log, `log <verifier key> [<url>]`, as c2sp.org/tlog-policy describes it.",
    ),
    "witness.lost-state": Reason(
        "A witness has keys, but what it remembers of what it cosigned with them is lost, or older than that.",
        "Restore the newest state; if it is lost, retire these keys and begin a witness with another name.",
    ),
}
