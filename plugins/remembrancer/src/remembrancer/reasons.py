"""Every reason code with its cause and its remedy; docs/reason-codes.md is generated from this table."""

from remembrancer.named import NamedTuple


class Reason(NamedTuple):
    """Why a code is given (cause) and what its reader can do (remedy); one sentence each."""

    cause: str
    remedy: str


REASONS: dict[str, Reason] = {
    "adr.decided": Reason(
        "A decision is recorded with a status from which this step does not lead.",
        "Write a new decision with `remembrancer adr create`, accept it, and let it supersede the old one.",
    ),
    "adr.edited": Reason(
        "A decision's text is not the one that its newest receipt binds.",
        "Restore the file with `git checkout -- <file>`, or write a new decision that supersedes it.",
    ),
    "adr.form": Reason(
        "A decision does not have the standard's form, or is not written to its end.",
        "Complete the file: a title, and the fields Date, Status, Context, Decision, Consequences and Verification.",
    ),
    "adr.number": Reason(
        "Two decisions have the same number: two branches took it, and Git merged both.",
        "Give one of them the next free number with `remembrancer adr renumber <file>`.",
    ),
    "adr.unplaced": Reason(
        "Something of an imported decision has no place in the standard's form.",
        "Change the source where it says so, or import without --strict and mend the record before you accept it.",
    ),
    "adr.unrecorded": Reason(
        "A decision says that it is decided, but no receipt binds its text.",
        "Record it with `remembrancer adr accept` or `remembrancer adr reject`.",
    ),
    "blob.mismatch": Reason(
        "A blob's bytes do not have the digest that its name states.",
        "Restore the file with `git checkout -- <file>`; if it was committed, find out who changed it.",
    ),
    "blob.missing": Reason(
        "A receipt names a blob that is not under ops/receipts/blobs.",
        "Restore the blob from the commit that added the receipt.",
    ),
    "blob.unreferenced": Reason(
        "No receipt names this blob, so no verdict depends on it.",
        "Remove the file, or commit the receipt that names it.",
    ),
    "commit.markers": Reason(
        "A file still holds an unfinished merge, or is the rejected part of an update.",
        "Resolve the conflict in the file, and stage it again.",
    ),
    "commit.message": Reason(
        "A commit message does not begin with [component] type: description.",
        "Write, for example, `[my-svc] fix: count every request once`.",
    ),
    "drift.answers": Reason(
        "An answers file was edited by hand, so it says something else than the files were made with.",
        "Put it back with `git checkout`, and say it to the update: `copier update --trust --data NAME=VALUE`.",
    ),
    "drift.behind": Reason(
        "A file of the standard is still what an earlier version of it rendered.",
        "Run `copier update --trust`, or take its new text over; `remembrancer drift --diff` shows what differs.",
    ),
    "drift.changed": Reason(
        "A file of the standard has other bytes than the standard rendered.",
        "Take the change back, propose it to the standard, or accept it with `remembrancer record waiver`.",
    ),
    "drift.missing": Reason(
        "A file of the standard is not there.",
        "Restore it from git, or accept its absence with `remembrancer record waiver`.",
    ),
    "drift.mode": Reason(
        "A file of the standard has its bytes, and may be run where the standard's may not, or the other way round.",
        "Put the permission back with `chmod +x FILE` or `chmod -x FILE`; `git diff` shows which it was.",
    ),
    "drift.no-need": Reason(
        "A waiver was asked for a file that does not differ from the standard, or is not the standard's.",
        "Ask for a waiver only for what `remembrancer drift` names.",
    ),
    "drift.unrecorded": Reason(
        "No receipt states which standard the files came from.",
        "Run `remembrancer record spawn`, or `record update` where an update has no receipt, and seal.",
    ),
    "drift.waiver-expired": Reason(
        "The waiver of a file has ended.",
        "Bring the file back to the standard, or record a new waiver with a new date.",
    ),
    "drift.waiver-outdated": Reason(
        "The waiver of a file is for other bytes than it has now.",
        "Look at what changed since, and record a new waiver if it is to stay.",
    ),
    "drift.waiver-unsealed": Reason(
        "ops/trust/waivers.toml lists a waiver whose receipt is not in the ledger.",
        "Use `remembrancer record waiver` instead of editing the list, and seal.",
    ),
    "env.authority": Reason(
        "A timestamp authority answered with something that is not a usable timestamp.",
        "Check the authority's address in the policy, or use another authority.",
    ),
    "env.busy": Reason(
        "A witness was asked more often than it answers.",
        "Ask again later; who releases often can have witnesses cosign once for several seals.",
    ),
    "env.copier": Reason(
        "Copier is not installed, or could not copy the recorded version of the template.",
        "Install it (`pipx install copier`), check that the template's address can be reached, and run it again.",
    ),
    "env.editor": Reason(
        "The editor could not be started, or ended with an error.",
        "Set EDITOR to an editor that works here, or edit the file yourself.",
    ),
    "env.git": Reason(
        "Git is not installed, or refused to answer about this repository.",
        "Run `git status` in the repository and follow what it says.",
    ),
    "env.gpg": Reason(
        "gpg refused or failed to do what it was asked.",
        "Run the same operation with gpg directly to see what it needs, for example a passphrase or an unexpired key.",
    ),
    "env.internal": Reason(
        "The program met a situation that it was not written for.",
        "Run it again with -v and report what it prints.",
    ),
    "env.io": Reason(
        "The operating system refused to read or write a file.",
        "Check free space, permissions and whether the file system is mounted read-only, then run it again.",
    ),
    "env.lock": Reason(
        "Another process holds the ledger's lock.",
        "Wait for the other command to end and run this one again.",
    ),
    "env.log-key": Reason(
        "The private log key is not on this machine.",
        "Let the pipeline that holds the key seal, or set REMEMBRANCER_LOG_KEY_FILE.",
    ),
    "env.mcp": Reason(
        "The packages of the MCP server are not installed.",
        "Install the extra: `pip install 'remembrancer[mcp]'`.",
    ),
    "env.network": Reason(
        "A server could not be reached or did not answer in time.",
        "Check the connection and the address, then run it again.",
    ),
    "env.no-gpg": Reason(
        "Signing needs gpg, which is not installed.",
        "Install GnuPG, for example with `apt-get install gnupg` or `brew install gnupg`.",
    ),
    "env.state": Reason(
        "The user's state folder cannot be read or written.",
        "Check the permissions of $XDG_STATE_HOME/remembrancer (default ~/.local/state/remembrancer).",
    ),
    "env.witness": Reason(
        "A witness answered with something that is no cosignature of the checkpoint.",
        "Check the witness's address and key in the policy; ask its operator if it goes on.",
    ),
    "hash.evidence": Reason(
        "The digest that was given is not that of the evidence file.",
        "Compute the digest of the file that was really deployed, and record that.",
    ),
    "hash.mismatch": Reason(
        "The artifact's SHA-256 is not the recorded one.",
        "Do not use the artifact; get the recorded one or record a new version.",
    ),
    "hash.unrecorded": Reason(
        "No deploy receipt names this artifact's digest.",
        "Record it with `remembrancer record deploy`, or get the artifact that was recorded.",
    ),
    "input.adr": Reason(
        "No decision record, or more than one, has the number that was given.",
        "Look at `remembrancer adr list`, and give one of its numbers or paths.",
    ),
    "input.answers": Reason(
        "There is no answers file of this collection, so nothing says which standard was used.",
        "Run the command in the folder that holds .copier-answers*.yml, or name the file with --answers-file.",
    ),
    "input.authority": Reason(
        "The policy lists no such timestamp authority, or every one of them has ended.",
        "Use an authority from `remembrancer trust show`, or add one to the policy.",
    ),
    "input.certificate": Reason(
        "A file that should hold PEM certificates does not.",
        "Give the authority's certificate in PEM form.",
    ),
    "input.component": Reason(
        "A component name must be a DNS-1123 label of at most 40 characters that starts with a letter.",
        "Use lower-case letters, digits and inner hyphens, for example `my-svc`.",
    ),
    "input.digest": Reason(
        "A SHA-256 digest must be exactly 64 lower-case hexadecimal digits.",
        "Copy the digest from `sha256sum`.",
    ),
    "input.domain": Reason(
        "A production log needs a domain of its operator.",
        "Give a domain such as example.com with --domain.",
    ),
    "input.evidence": Reason(
        "The evidence file does not exist.",
        "Build it (make dist), or name another one with --evidence.",
    ),
    "input.field": Reason(
        "A value does not fit the receipt field that it is meant for.",
        "Correct the value that the message names.",
    ),
    "input.file": Reason(
        "Nothing is at the path, or a link, a folder, a pipe or a device is where a regular file or folder belongs.",
        "Name a file that is there, or put the file or folder itself in the place of what is.",
    ),
    "input.fingerprint": Reason(
        "A fingerprint must be the full one of an OpenPGP primary key: 40 or 64 hexadecimal digits.",
        "Ask the owner for the full fingerprint; a short key id can be forged.",
    ),
    "input.key": Reason(
        "No signing key is meant, or more than one.",
        "Give the full fingerprint of one secret key with --key.",
    ),
    "input.kind": Reason(
        "There is no receipt kind of this name.",
        "Use one of the kinds that the message lists.",
    ),
    "input.log-key": Reason(
        "The log key that was given is malformed, missing, or not the one of the policy.",
        "Give the private key whose public half the policy lists for this tree size.",
    ),
    "input.mcp": Reason(
        "The MCP server was asked for what it does not have, or with arguments that it does not take.",
        "Ask for the list of tools, resources or prompts, and for the schema of the one that is meant.",
    ),
    "input.name": Reason(
        "The name means no signer or authority, or the options do not say what to change.",
        "See `remembrancer trust show` for the names, and the help for the options.",
    ),
    "input.nonce": Reason(
        "A nonce must be hexadecimal digits.",
        "Copy the nonce from the timestamp receipt.",
    ),
    "input.root": Reason(
        "No repository was found.",
        "Run it inside the service's repository, or name the folder with --root.",
    ),
    "input.terms": Reason(
        "An answer that `init --production` needs is missing, unknown or of another type.",
        "Correct it; `remembrancer init --help` names all of them, and --dry-run writes nothing.",
    ),
    "input.time": Reason(
        "A time is a day, an instant in RFC 3339, or how far it is from now.",
        "Give 2026-01-31, 2026-01-31T08:00:00Z or 7d.",
    ),
    "input.token": Reason(
        "The token of the MCP server is missing, is another one, or is too short to protect anything.",
        "Send `Authorization: Bearer TOKEN` with the token that the server printed or REMEMBRANCER_MCP_TOKEN holds.",
    ),
    "input.url": Reason(
        "The address of a timestamp authority or a witness must be http(s)://host/path without a user name.",
        "Correct the address.",
    ),
    "input.usage": Reason(
        "The command line has an unknown or a missing command, option or argument.",
        "See the command's --help.",
    ),
    "input.version": Reason(
        "A version is malformed (at most 100 letters, digits, dots, hyphens, plus signs; no empty part) or not known.",
        "Use a version such as 1.4.0 or 1.4.0-rc.1; `remembrancer list deployments` shows the recorded ones.",
    ),
    "input.waivers": Reason(
        "ops/trust/waivers.toml is not a list of complete waivers.",
        "Correct the entry that the message names, or restore the file from git.",
    ),
    "input.witness": Reason(
        "A witness's verifier key cannot be used.",
        "Take name, verifier key (type 0x04 or 0x06) and address as the witness's operator publishes them.",
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
    "log.consistency-unknown": Reason(
        "This checkout is older than the log seen before, and the newer log is not here to compare it with.",
        "Fetch the seal branch and run it again.",
    ),
    "log.duplicate": Reason(
        "The same receipt is in the log more than once.",
        "Ask the log's operator; a correct sealer never appends a receipt twice.",
    ),
    "log.extra-file": Reason(
        "A file is in the ledger or among the receipts that nothing accounts for.",
        "Remove the file, or find out who put it there.",
    ),
    "log.key-range": Reason(
        "A log key that the policy makes responsible for this tree size has not signed the checkpoint.",
        "Seal with the current log key; at a rotation both keys sign.",
    ),
    "log.leftover": Reason(
        "A file of the ledger is not part of the log of this size; an interrupted seal leaves such files.",
        "Nothing is wrong; the next seal on the same machine removes it.",
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
        "Seal with the log key (`remembrancer seal`), or take out what it refuses (`remembrancer set-aside`).",
    ),
    "log.rollback": Reason(
        "The log is smaller or older than one that was seen before on this history.",
        "Do not rely on it, unless you sealed on a branch of your own that is not merged yet; compare with the "
        "published seal branch and ask the log's operator.",
    ),
    "log.root": Reason(
        "The root recomputed from the entries is not the one that the checkpoint states.",
        "Restore the ledger from the published seal branch; if that fails too, ask the log's operator.",
    ),
    "log.split-view": Reason(
        "Two checkpoints signed by the log contradict each other.",
        "Keep both as evidence and stop trusting this log key, unless its holder explains how it came about, who finds "
        'the way back under "After a fork" in docs/years.md.',
    ),
    "log.stamp": Reason(
        "A timestamp of a checkpoint was changed or removed, which nobody can make again.",
        "Restore the file from the commit that added it.",
    ),
    "log.tile": Reason(
        "A tile of the ledger does not agree with the signed checkpoint.",
        "Restore the file from the published seal branch.",
    ),
    "log.unpublished": Reason(
        "The checkpoint is not on the published branch, so no witness may see it yet.",
        "Commit and push it first: once it is cosigned, it can never be thrown away.",
    ),
    "log.unwitnessed": Reason(
        "Fewer witnesses have cosigned the checkpoint, or the one that the receipt is in, than the policy requires.",
        "Have the published checkpoint cosigned (remembrancer witness, aurora witness collect), fetch it, and verify.",
    ),
    "policy.malformed": Reason(
        "The trust policy is not what its format requires.",
        "Correct the field that the message names, and have the owner sign the policy again.",
    ),
    "policy.weak": Reason(
        "The trust policy requires less than its profile allows.",
        "Strengthen what the message names, and have the owner sign the policy again.",
    ),
    "proof.incomplete": Reason(
        "A proof file does not show that nothing newer is in its log.",
        "Have it exported again by a current version, or compare with the ledger itself.",
    ),
    "proof.malformed": Reason(
        "A proof file is not what its format requires.",
        "Get the file again from whoever exported it.",
    ),
    "proof.size": Reason(
        "A proof file is larger than 8 MiB or holds more than 1000 receipts.",
        "Export the proof of one artifact only.",
    ),
    "receipt.conflict": Reason(
        "The same component and version are already recorded with another digest.",
        "Record the artifact under a new version; a recorded one never changes.",
    ),
    "receipt.edited": Reason(
        "A sealed receipt's file no longer has the bytes that were sealed.",
        "Restore the file from the commit that added it; record a new event instead of editing.",
    ),
    "receipt.future": Reason(
        "A receipt says that it was recorded in the far future.",
        "Correct the clock of the machine that recorded it, and record it again.",
    ),
    "receipt.generation": Reason(
        "The receipt that was asked for does not fit what is recorded about the template so far.",
        "Look at `remembrancer list receipts --kind spawn --kind update`, and record what is really missing.",
    ),
    "receipt.held": Reason(
        "An update receipt still has conflicts that nobody has resolved.",
        "Resolve them and run `remembrancer record update --resolved`.",
    ),
    "receipt.interrupted": Reason(
        "An update of the template broke off, and what it had written so far is still in the work tree.",
        "Throw it away with `git reset --hard && git clean -d --force`, and run `copier update --trust` again.",
    ),
    "receipt.kind": Reason(
        "A receipt's kind is not one of those that this version knows.",
        "Use a newer Remembrancer, or remove the file.",
    ),
    "receipt.malformed": Reason(
        "A receipt is not what its kind's published schema and the canonical encoding require.",
        "Record the event with the Remembrancer instead of writing the file by hand.",
    ),
    "receipt.manifest": Reason(
        "The list of generated files that a receipt names is not the one that it states, or is malformed.",
        "Restore the blob that the message names from the commit that added it.",
    ),
    "receipt.missing": Reason(
        "A sealed receipt's file is missing.",
        "Restore the file from the commit that added it.",
    ),
    "receipt.name-clash": Reason(
        "Another component and version already use the same receipt file name.",
        "Choose another version; the message names the receipt that was first.",
    ),
    "receipt.named-file": Reason(
        "A file of the repository does not have the digest that a new receipt states about it.",
        "Stage the file as it was when the event was recorded, or record the event again.",
    ),
    "receipt.path": Reason(
        "A receipt lies at another path than its content determines.",
        "Move it back to the path that the message names.",
    ),
    "receipt.sealed": Reason(
        "A receipt that the log holds cannot be set aside.",
        "Record what happened instead; if the file was edited, restore it with `git checkout -- <file>`.",
    ),
    "receipt.size": Reason(
        "A receipt is larger than 65,535 bytes, or another file of the repository than any of its kind may be.",
        "Put large values into an evidence file, which receipts name by digest; restore any other file from Git.",
    ),
    "receipt.source": Reason(
        "An answers file names another source of the template than its receipt records.",
        "Take the change back; a template that has moved is recorded by an update from its new source.",
    ),
    "receipt.text": Reason(
        "A decision record's text is not the one that its newest receipt binds.",
        "Restore the file with `git checkout -- <file>`, or write a new decision that supersedes it.",
    ),
    "receipt.undo": Reason(
        "An update cannot be taken back in the state that the repository is in.",
        "Bring it into the state that the message asks for; docs/updating.md has a recipe for each.",
    ),
    "receipt.unrecorded": Reason(
        "The answers file names a version of the template that no spawn or update receipt records.",
        "Run `remembrancer record spawn` or `remembrancer record update`, and stage what it writes.",
    ),
    "receipt.unresolved": Reason(
        "An update left a conflict that is still in a file.",
        "Merge the file that the message names, and run `remembrancer record update --resolved` again.",
    ),
    "receipt.waiting": Reason(
        "A release waits for the other signers or authorities that the policy requires, and is sealed then.",
        "Let the others run `remembrancer sign ARTIFACT --key KEY` or `remembrancer timestamp ARTIFACT`, then seal.",
    ),
    "sig.algorithm": Reason(
        "The key is of a kind that is not accepted, such as DSA, Brainpool, secp256k1, or RSA of an odd length.",
        "Sign with an Ed25519 key, an ECDSA key over P-256, P-384 or P-521, or an RSA key of 2048 to 4096 bits.",
    ),
    "sig.bad": Reason(
        "The signature does not hold for these bytes and this key.",
        "Do not use the artifact; get it and its signature again from their source.",
    ),
    "sig.bad-certificate": Reason(
        "An OpenPGP certificate is malformed, or not exactly one public certificate.",
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
    "sig.key-compromised": Reason(
        "The policy says that the signing key is compromised, and nothing proves that the signature is older.",
        "Sign again with another key.",
    ),
    "sig.key-expired": Reason(
        "The signature claims a time at which its key had expired.",
        "Sign with a valid key.",
    ),
    "sig.key-revoked": Reason(
        "The signer's certificate is revoked, and the policy does not say why.",
        "Let the policy's owner state how the key ended; a compromised key needs a new signature.",
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
    "sig.outside-term": Reason(
        "The signature's own time lies outside the time in which the key may sign.",
        "Sign again with a key that is valid now.",
    ),
    "sig.tag": Reason(
        "The signed tag that a receipt names is of another commit or version than the receipt states.",
        "Do not trust the template's version; compare the tag with the template's repository.",
    ),
    "sig.tag-ssh": Reason(
        "A template's tag is signed with an SSH key, which this program does not judge.",
        "Check it with `git verify-tag` in a clone of the template, or have the template's tags signed with OpenPGP.",
    ),
    "sig.time-unproven": Reason(
        "The signing key has ended and nothing proves that the signature was made before.",
        "Get a timestamp that covers the signature, or sign again with a valid key.",
    ),
    "sig.type": Reason(
        "The signature is not one over a binary document.",
        "Make a detached signature with `remembrancer sign`.",
    ),
    "sig.unsupported": Reason(
        "The signature uses something that is not supported, such as SHA-3 or a critical notation.",
        "Sign again with SHA-256, SHA-384 or SHA-512, and without critical notations.",
    ),
    "sig.untrusted-key": Reason(
        "The signature is by a key that the pinned policy does not trust for this.",
        "Sign with a trusted key, or add the key to the policy and have its owner sign it.",
    ),
    "sig.weak-hash": Reason(
        "The signature uses a hash other than SHA-256, SHA-384 and SHA-512.",
        "Sign again with a strong hash.",
    ),
    "sig.weak-self-signature": Reason(
        "What an OpenPGP certificate says about itself is signed with SHA-1 or older, or after the signature was made.",
        "Have its owner renew it with a strong hash, export it again, and sign again; the key stays the same.",
    ),
    "time.certificate": Reason(
        "A certificate of the timestamp's chain breaks a rule, for example about its key usage.",
        "Use an authority whose certificates follow RFC 3161 and RFC 5280.",
    ),
    "time.certificate-validity": Reason(
        "A certificate of the timestamp's chain was not valid at the time that the token states.",
        "Request a new timestamp from an authority with valid certificates.",
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
    "time.key-compromised": Reason(
        "The timestamp authority is compromised, and nothing proves that the token is older.",
        "Get a timestamp from another authority.",
    ),
    "time.malformed": Reason(
        "The response is not exactly one well-formed RFC 3161 timestamp response.",
        "Request a new timestamp.",
    ),
    "time.missing": Reason(
        "Too few trusted timestamps over these bytes are recorded.",
        "Get one with `remembrancer timestamp`.",
    ),
    "time.nonce-mismatch": Reason(
        "The token does not carry the nonce of the request that it should answer.",
        "Request a new timestamp; an old answer may have been replayed.",
    ),
    "time.outside-term": Reason(
        "The token's time lies outside the time in which the authority counts.",
        "Get a timestamp from an authority that counts now.",
    ),
    "time.pending": Reason(
        "A timestamp authority could not be asked when the log was sealed.",
        "The next `remembrancer seal` asks again.",
    ),
    "time.policy": Reason(
        "The token was issued under a policy that is not accepted for this authority.",
        "Use the authority's accepted policy, or add the policy's OID to the authority in the trust policy.",
    ),
    "time.second-opinion": Reason(
        "OpenSSL refuses a token that passes every other check, for example for a name constraint of its chain.",
        "Read what the message says of OpenSSL, and use an authority whose tokens `openssl ts -verify` accepts.",
    ),
    "time.self-asserted": Reason(
        "All timestamps are by authorities that the signer runs itself.",
        "Get a timestamp from an independent authority.",
    ),
    "time.signature": Reason(
        "The token's signature does not hold.",
        "Request a new timestamp.",
    ),
    "time.signer": Reason(
        "The token does not have exactly one signer with the attributes that RFC 3161 requires.",
        "Request a new timestamp from an authority that follows RFC 3161.",
    ),
    "time.status": Reason(
        "The authority did not grant the timestamp.",
        "Read the authority's answer with `openssl ts -reply -text -in FILE` and ask again.",
    ),
    "time.time-unproven": Reason(
        "The timestamp authority has ended, and no other one proves that its token is older.",
        "Get a timestamp from an authority that counts now.",
    ),
    "time.unknown-authority": Reason(
        "The policy does not list this timestamp authority.",
        "Use an authority of the policy.",
    ),
    "time.unreadable": Reason(
        "The second reader could not read the token, so that nobody confirms it; nothing says that it is forged.",
        "Request a new timestamp, from another authority if it happens again.",
    ),
    "time.unsupported": Reason(
        "The token or its chain uses an algorithm that is not supported, such as RSASSA-PSS, Ed25519 or Brainpool.",
        "Use an authority that signs with RSA (PKCS #1 v1.5) or ECDSA over P-256, P-384 or P-521, and with SHA-2.",
    ),
    "time.untrusted-root": Reason(
        "The timestamp token does not chain to a root that the policy names.",
        "Use an authority of the policy, or add its root to the policy.",
    ),
    "time.unusable-root": Reason(
        "The timestamp chains to a certificate that was given as a root and is not self-signed, or not readable.",
        "Give the self-signed root that issued it, and the certificate itself with --intermediate.",
    ),
    "time.weak-algorithm": Reason(
        "The token or its chain uses a hash, signature or key that is too weak.",
        "Use an authority with SHA-2 hashes and keys of at least RSA 2048 or P-256.",
    ),
    "trust.bundle": Reason(
        "A trust bundle cannot be read, lacks what its policy names, or holds something besides.",
        "Get it again from the owner, who makes it with `remembrancer trust export`.",
    ),
    "trust.exists": Reason(
        "The repository has a trust policy or a ledger already.",
        "Use it, or change it with `remembrancer trust`.",
    ),
    "trust.key-file": Reason(
        "A key file of the policy is missing or has other bytes than the policy says.",
        "Restore ops/trust/keys from the commit that the owner signed.",
    ),
    "trust.loses": Reason(
        "A renewed certificate would leave recorded proofs without the key or root that they were made with.",
        "Give the complete one (gpg exports ended subkeys too), or keep the old roots; --dry-run lists what is lost.",
    ),
    "trust.no-policy": Reason(
        "The trust policy is missing, and the repository or its history has or had a ledger.",
        "Restore it (git restore ops/trust), name the right one with --policy, or fetch the complete repository.",
    ),
    "trust.not-begun": Reason(
        "The repository has no ledger and no trust policy, and never had one.",
        "Begin a ledger with `remembrancer init`, or fetch the complete repository.",
    ),
    "trust.origin": Reason(
        "The policy is for another ledger than the one that was asked about.",
        "Get the repository or proof of that ledger, or ask about this one.",
    ),
    "trust.owner-change": Reason(
        "The policy names a new owner who has not signed it, or another owner signed this ledger's policies before.",
        "Have both the old and the new owner sign the policy.",
    ),
    "trust.owner-revoked": Reason(
        "The certificate of the policy's owner is revoked.",
        "Get the new owner's fingerprint from a trusted source and pin it.",
    ),
    "trust.policy-fork": Reason(
        "Two different policies claim the same version.",
        "Ask the owner which one is right; one that nobody else has can be forgotten with `remembrancer trust forget`.",
    ),
    "trust.policy-rollback": Reason(
        "The policy is older than one that was seen before, or than one that the log records.",
        "Fetch the current policy; an older one may trust keys that have ended.",
    ),
    "trust.policy-signature": Reason(
        "The policy is not signed by the pinned owner, or it was changed after signing.",
        "Restore ops/trust from the commit that the owner signed.",
    ),
    "trust.profile": Reason(
        "The policy's profile is not production, which is required here.",
        "Begin production with `remembrancer init --production`.",
    ),
    "trust.unchanged": Reason(
        "The policy has the certificate that was given already.",
        "Extend the key first (`gpg --quick-set-expire`), or give the file that the authority published.",
    ),
    "trust.unpinned": Reason(
        "No owner fingerprint is pinned, so nothing can be judged.",
        "Pin the owner's fingerprint from a trusted source with `remembrancer trust pin`.",
    ),
    "trust.unrecorded": Reason(
        "The policy in force is not the one that the newest trust receipt records.",
        "Change the policy with `remembrancer trust`, which records it.",
    ),
    "witness.other-key": Reason(
        "A witness knows the log under other keys than the one that signed the checkpoint.",
        "After a change of the log key, give the witness's operator the new verifier key (remembrancer trust show).",
    ),
    "witness.unknown-log": Reason(
        "A witness does not know the log.",
        "Ask its operator to witness it: origin and verifier key are what `remembrancer trust show` says.",
    ),
}
