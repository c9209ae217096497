"""Every reason code with its cause and its remedy; docs/reason-codes.md is generated from this table."""

from typing import NamedTuple


class Reason(NamedTuple):
    """Why a code is given (cause) and what its reader can do (remedy); one sentence each."""

    cause: str
    remedy: str


REASONS: dict[str, Reason] = {
    "blob.mismatch": Reason(
        "A blob's bytes do not have the digest that its name states.",
        "Restore the file with `git checkout -- <file>`; if it was committed, find out who changed it.",
    ),
    "blob.missing": Reason(
        "A receipt names a blob that is not under ops/receipts/blobs.",
        "Restore the blob from the commit that added the receipt.",
    ),
    "env.authority": Reason(
        "A time-stamp authority answered with something that is no usable time-stamp.",
        "Check the authority's address in the policy, or use another authority.",
    ),
    "env.gpg": Reason(
        "gpg refused or failed to do what it was asked.",
        "Run the same operation with gpg directly to see what it needs, for example a passphrase or an unexpired key.",
    ),
    "env.git": Reason(
        "Git is not installed, or refused to answer about this repository.",
        "Run `git status` in the repository and follow what it says.",
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
    "env.no-gpg": Reason(
        "Signing needs gpg, which is not installed.",
        "Install GnuPG, for example with `apt-get install gnupg` or `brew install gnupg`.",
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
    "input.url": Reason(
        "A time-stamp authority's address must be http(s)://host/path without a user name.",
        "Correct the address.",
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
    "receipt.held": Reason(
        "An update receipt still has conflicts that nobody has resolved.",
        "Resolve them and run `remembrancer record update --resolved`.",
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
    "receipt.path": Reason(
        "A receipt lies at another path than its content determines.",
        "Move it back to the path that the message names.",
    ),
    "receipt.size": Reason(
        "A receipt is larger than 65,535 bytes.",
        "Put large values into an evidence file; receipts name it by digest.",
    ),
    "sig.bad": Reason(
        "The signature does not hold for these bytes and this key.",
        "Do not use the artifact; get it and its signature again from their source.",
    ),
    "sig.bad-certificate": Reason(
        "An OpenPGP certificate is malformed, weak, or not exactly one public certificate.",
        "Export the key again with `gpg --export --armor FINGERPRINT`.",
    ),
    "sig.expired": Reason(
        "The signature was made to end at a time that has passed.",
        "Sign the artifact again.",
    ),
    "sig.future": Reason(
        "The signature claims to have been made in the future.",
        "Check the clock of the machine that signed, and of this one.",
    ),
    "sig.inline": Reason(
        "The file is a signed message and not a detached signature alone.",
        "Make a detached signature with `remembrancer sign`.",
    ),
    "sig.key-expired": Reason(
        "The signature claims a time at which its key had expired.",
        "Sign with a valid key.",
    ),
    "sig.malformed": Reason(
        "The signature file is not exactly one armored or binary OpenPGP signature.",
        "Remove text, comments and further blocks around the armor, or sign again.",
    ),
    "sig.missing": Reason(
        "No trusted signature over these bytes is recorded.",
        "Sign the artifact with `remembrancer sign`.",
    ),
    "sig.multiple": Reason(
        "The signature file holds several signatures.",
        "Keep one signature per file.",
    ),
    "sig.no-key": Reason(
        "gpg has no key with this primary-key fingerprint.",
        "Name the complete fingerprint that `gpg --list-secret-keys` shows first for the key.",
    ),
    "sig.time-unproven": Reason(
        "The signing key has ended and nothing proves that the signature was made before.",
        "Get a timestamp that covers the signature, or sign again with a valid key.",
    ),
    "sig.type": Reason(
        "The signature is not one over a binary document.",
        "Make a detached signature with `remembrancer sign`.",
    ),
    "sig.untrusted-key": Reason(
        "The signature is by a key that the pinned policy does not trust for this.",
        "Sign with a trusted key, or add the key to the policy and have its owner sign it.",
    ),
    "sig.weak-hash": Reason(
        "The signature uses a hash other than SHA-256, SHA-384 and SHA-512.",
        "Sign again with a strong hash.",
    ),
    "time.certificate": Reason(
        "A certificate of the time-stamp's chain breaks a rule, for example about its key usage.",
        "Use an authority whose certificates follow RFC 3161 and RFC 5280.",
    ),
    "time.certificate-validity": Reason(
        "A certificate of the time-stamp's chain was not valid at the time that the token states.",
        "Request a new time-stamp from an authority with valid certificates.",
    ),
    "time.ess": Reason(
        "The token does not tie itself to its authority's certificate in an accepted way.",
        "Use an authority that sends a SHA-2 signing-certificate attribute, or set allow-ess-v1 for this one.",
    ),
    "time.future": Reason(
        "The token states a time that is yet to come.",
        "Check this machine's clock, then ask the authority's operator.",
    ),
    "time.imprint-mismatch": Reason(
        "The timestamp token is over other bytes.",
        "Request a timestamp over this file.",
    ),
    "time.malformed": Reason(
        "The response is not exactly one well-formed RFC 3161 time-stamp response.",
        "Request a new time-stamp.",
    ),
    "time.nonce-mismatch": Reason(
        "The token does not carry the nonce of the request that it should answer.",
        "Request a new time-stamp; an old answer may have been replayed.",
    ),
    "time.pending": Reason(
        "A timestamp authority could not be asked when the log was sealed.",
        "The next `remembrancer seal` asks again.",
    ),
    "time.policy": Reason(
        "The token was issued under a policy that is not accepted for this authority.",
        "Use the authority's accepted policy, or add the policy's OID to the authority in the trust policy.",
    ),
    "time.signature": Reason(
        "The token's signature does not hold.",
        "Request a new time-stamp.",
    ),
    "time.signer": Reason(
        "The token does not have exactly one signer with the attributes that RFC 3161 requires.",
        "Request a new time-stamp from an authority that follows RFC 3161.",
    ),
    "time.status": Reason(
        "The authority did not grant the time-stamp.",
        "Read the authority's answer with `openssl ts -reply -text -in FILE` and ask again.",
    ),
    "time.untrusted-root": Reason(
        "The timestamp token does not chain to a root that the policy names.",
        "Use an authority of the policy, or add its root to the policy.",
    ),
    "time.weak-algorithm": Reason(
        "The token or its chain uses a hash, signature or key that is too weak.",
        "Use an authority with SHA-2 hashes and keys of at least RSA 2048 or P-256.",
    ),
    "trust.unpinned": Reason(
        "No owner fingerprint is pinned, so nothing can be judged.",
        "Pin the owner's fingerprint from a trusted source with `remembrancer trust pin`.",
    ),
}
