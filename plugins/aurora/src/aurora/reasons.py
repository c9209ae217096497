"""Reason codes that only Aurora gives, beside those of the Remembrancer; docs/reason-codes.md lists both."""

from remembrancer.reasons import Reason

REASONS: dict[str, Reason] = {
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
    "fleet.crashed": Reason(
        "The process that read a service was killed; the others were read all the same.",
        "Look at this repository alone with `remembrancer verify-audit`, and for memory with fewer --jobs.",
    ),
    "fleet.credentials": Reason(
        "A URL in the list of a fleet holds more than a place, and the list is committed for everybody to read.",
        "Take user names, passwords, tokens and queries out of it; Git asks a credential helper for them.",
    ),
    "fleet.endless": Reason(
        "A repository took longer than its deadline, or sent more than a mirror may hold.",
        "Ask its owner what it holds; a large one may need a longer --deadline.",
    ),
    "fleet.late": Reason(
        "Reading a service took longer than one service may take; the others were read all the same.",
        "Look at this repository alone with `remembrancer verify-audit`.",
    ),
    "fleet.list": Reason(
        "The list of a fleet is not one: an unknown key, a name or a URL twice, or something that is no URL.",
        "Correct the line that the message names; docs/fleet.md has an example.",
    ),
    "fleet.no-branch": Reason(
        "A repository is empty, or does not have the branch that the list of the fleet names.",
        "Correct branch in fleet.toml, or leave it out for the default branch.",
    ),
    "fleet.not-synced": Reason(
        "A service of the list has no mirror yet.",
        "Run `aurora fleet sync` with the same list and --cache.",
    ),
    "fleet.oversized": Reason(
        "A repository holds more, or larger, files than are read of one service.",
        "Ask its owner what it holds; verify it alone in a clone with `remembrancer verify-audit`.",
    ),
    "fleet.shard": Reason(
        "A share of a fleet is given in another form than i/n.",
        "Count from 0, as JOB_COMPLETION_INDEX does: --shard 0/8 to --shard 7/8.",
    ),
    "fleet.status": Reason(
        "A document is not the status of a fleet.",
        "Take it as `aurora fleet status --format json` wrote it; `aurora fleet schema` describes it.",
    ),
    "fleet.tree": Reason(
        "A commit holds what no version of Git writes: names that no file could have, one name twice, no tree.",
        "Somebody made it by hand; ask the repository's owner who can push to it.",
    ),
    "fleet.unreachable": Reason(
        "A repository could not be fetched, so its row shows what was read of it before, if anything.",
        "Try `git ls-remote URL`: the address, the network and Git's credential helper are the usual reasons.",
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
        "A witness has keys, but not the database in which it keeps what it cosigned with them.",
        "Restore the database; if it is lost, retire these keys and begin a witness with another name.",
    ),
}
