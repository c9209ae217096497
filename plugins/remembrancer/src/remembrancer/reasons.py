"""Every reason code with its cause and its remedy; docs/reason-codes.md is generated from this table."""

from typing import NamedTuple


class Reason(NamedTuple):
    """Why a code is given (cause) and what its reader can do (remedy); one sentence each."""

    cause: str
    remedy: str


REASONS: dict[str, Reason] = {
    "blob.missing": Reason(
        "A receipt names a blob that is not under ops/receipts/blobs.",
        "Restore the blob from the commit that added the receipt.",
    ),
    "blob.mismatch": Reason(
        "A blob's bytes do not have the digest that its name states.",
        "Restore the file with `git checkout -- <file>`; if it was committed, find out who changed it.",
    ),
    "env.io": Reason(
        "The operating system refused to read or write a file.",
        "Check free space, permissions and whether the file system is mounted read-only, then run it again.",
    ),
    "env.lock": Reason(
        "Another process holds the ledger's lock.",
        "Wait for the other command to end and run this one again.",
    ),
    "env.network": Reason(
        "A server could not be reached or did not answer in time.",
        "Check the connection and the address, then run it again.",
    ),
    "hash.mismatch": Reason(
        "The artifact's SHA-256 is not the recorded one.",
        "Do not use the artifact; get the recorded one or record a new version.",
    ),
    "hash.unrecorded": Reason(
        "No deploy receipt names this artifact's digest.",
        "Record it with `remembrancer record deploy`, or get the artifact that was recorded.",
    ),
    "input.component": Reason(
        "A component name must be a DNS-1123 label of at most 40 characters that starts with a letter.",
        "Use lower-case letters, digits and inner hyphens, for example `my-svc`.",
    ),
    "input.digest": Reason(
        "A SHA-256 digest must be exactly 64 lower-case hexadecimal digits.",
        "Copy the digest from `sha256sum`.",
    ),
    "input.field": Reason(
        "A value does not fit the receipt field that it is meant for.",
        "Correct the value that the message names.",
    ),
    "input.file": Reason(
        "A path is a link, a folder, a pipe or a device where a regular file or folder of the repository belongs.",
        "Replace it with the file or folder itself.",
    ),
    "input.version": Reason(
        "A version must be at most 100 letters, digits, dots, hyphens and plus signs, without empty parts.",
        "Use a version such as 1.4.0 or 1.4.0-rc.1.",
    ),
    "log.behind": Reason(
        "This checkout holds an older, consistent prefix of the log that was seen before.",
        "Nothing is wrong on another branch; fetch the seal branch to see the newest entries.",
    ),
    "log.bundle": Reason(
        "An entry bundle of the ledger is malformed or does not hold the leaves that the tiles commit to.",
        "Restore the file from the published seal branch.",
    ),
    "log.checkpoint": Reason(
        "The ledger's checkpoint is malformed, or no trusted log key signed it.",
        "Restore ops/receipts/ledger/checkpoint from the published seal branch.",
    ),
    "log.duplicate": Reason(
        "The same receipt is in the log more than once.",
        "Ask the log's operator; a correct sealer never appends a receipt twice.",
    ),
    "log.extra-file": Reason(
        "A file is in the ledger or among the receipts that nothing accounts for.",
        "Remove the file, or find out who put it there.",
    ),
    "log.missing": Reason(
        "There is no ledger, or a file of it is missing.",
        "Fetch the complete repository; a new service gets its ledger from `remembrancer init`.",
    ),
    "log.not-included": Reason(
        "The log does not include this receipt under the signed checkpoint.",
        "Do not rely on the receipt; compare with the published seal branch.",
    ),
    "log.origin": Reason(
        "The signing key or the expected origin is not the one of the existing ledger.",
        "Use the key of this log, or archive the ledger with `remembrancer init --production`.",
    ),
    "log.pending": Reason(
        "The receipt is recorded but not sealed yet.",
        "Let the holder of the log key run `remembrancer seal`.",
    ),
    "log.rollback": Reason(
        "The log is smaller or older than one that was seen before on this history.",
        "Do not rely on it; compare with the published seal branch and ask the log's operator.",
    ),
    "log.root": Reason(
        "The root recomputed from the entries is not the one that the checkpoint states.",
        "Restore the ledger from the published seal branch; if that fails too, ask the log's operator.",
    ),
    "log.split-view": Reason(
        "Two checkpoints signed by the log contradict each other.",
        "Keep both as evidence and stop trusting this log key.",
    ),
    "log.tile": Reason(
        "A tile of the ledger does not agree with the signed checkpoint.",
        "Restore the file from the published seal branch.",
    ),
    "receipt.conflict": Reason(
        "The same component and version are already recorded with another digest.",
        "Record the artifact under a new version; a recorded one never changes.",
    ),
    "receipt.edited": Reason(
        "A sealed receipt's file no longer has the bytes that were sealed.",
        "Restore the file from the commit that added it; record a new event instead of editing.",
    ),
    "receipt.kind": Reason(
        "A receipt's kind is not one of those that this version knows.",
        "Use a newer Remembrancer, or remove the file.",
    ),
    "receipt.malformed": Reason(
        "A receipt is not what its kind's published schema and the canonical encoding require.",
        "Record the event with the Remembrancer instead of writing the file by hand.",
    ),
    "receipt.missing": Reason(
        "A sealed receipt's file is missing.",
        "Restore the file from the commit that added it.",
    ),
    "receipt.name-clash": Reason(
        "Another component and version already use the same receipt file name.",
        "Choose another version; the message names the receipt that was first.",
    ),
    "receipt.held": Reason(
        "An update receipt still has conflicts that nobody has resolved.",
        "Resolve them and run `remembrancer record update --resolved`.",
    ),
    "receipt.path": Reason(
        "A receipt lies at another path than its content determines.",
        "Move it back to the path that the message names.",
    ),
    "receipt.size": Reason(
        "A receipt is larger than 65,535 bytes.",
        "Put large values into an evidence file; receipts name it by digest.",
    ),
    "sig.missing": Reason(
        "No trusted signature over these bytes is recorded.",
        "Sign the artifact with `remembrancer sign`.",
    ),
    "sig.time-unproven": Reason(
        "The signing key has ended and nothing proves that the signature was made before.",
        "Get a timestamp that covers the signature, or sign again with a valid key.",
    ),
    "sig.untrusted-key": Reason(
        "The signature is by a key that the pinned policy does not trust for this.",
        "Sign with a trusted key, or add the key to the policy and have its owner sign it.",
    ),
    "time.imprint-mismatch": Reason(
        "The timestamp token is over other bytes.",
        "Request a timestamp over this file.",
    ),
    "time.pending": Reason(
        "A timestamp authority could not be asked when the log was sealed.",
        "The next `remembrancer seal` asks again.",
    ),
    "time.untrusted-root": Reason(
        "The timestamp token does not chain to a root that the policy names.",
        "Use an authority of the policy, or add its root to the policy.",
    ),
    "trust.unpinned": Reason(
        "No owner fingerprint is pinned, so nothing can be judged.",
        "Pin the owner's fingerprint from a trusted source with `remembrancer trust pin`.",
    ),
}
