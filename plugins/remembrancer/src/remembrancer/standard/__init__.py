"""Which standard built this repository, and does it still hold? Generations, drift, waivers.

A generation is a spawn or update receipt and the manifest that it names: every file, whose it is, and its digest.

>>> from datetime import UTC, datetime
>>> from hashlib import sha256
>>> from remembrancer.receipt import Line, build, manifest_facts, parse, write_manifest
>>> from remembrancer.standard import Generation, compare
>>> digest = sha256(b"FROM python:3.13").hexdigest()
>>> lines = (Line("Dockerfile", "standard", digest, digest), Line("README.md", "seeded", digest, digest))
>>> manifest = manifest_facts(write_manifest(lines))
>>> receipt = parse(build("spawn", [("my-svc.manifest", manifest["sha256"])], {
...     "recordedAt": "2026-01-02T03:04:05Z", "component": "my-svc", "layer": "fastapi-service", "version": "0.1.0",
...     "template": {"source": "https://example.com/templates", "commit": 40 * "a", "version": "4.1.0"},
...     "answers": {"path": ".copier-answers.yml", "sha256": digest}, "manifest": manifest,
... }))

A file of the standard that differs is drift; one that only began as the template's is the team's own:

>>> found = {"Dockerfile": sha256(b"FROM gpu").hexdigest(), "README.md": sha256(b"ours").hexdigest()}
>>> drift = compare([Generation(receipt, 0, lines)], found, listed={}, sealed=[], now=datetime.now(UTC))
>>> [(file.path, file.code) for file in drift.files]
[('Dockerfile', 'drift.changed')]
>>> [(file.path, file.edited) for file in drift.seeded]
[('README.md', True)]

A waiver counts while it lasts, for these bytes, and only once its receipt is in the log:

>>> from remembrancer.standard import Waiver
>>> waiver = Waiver("Dockerfile", found["Dockerfile"], "payments", "GPU base image", "2999-12-31T23:59:59Z")
>>> for sealed in ([], [waiver]):
...     drift = compare([Generation(receipt, 0, lines)], found, {waiver.path: waiver}, sealed, datetime.now(UTC))
...     print(drift.files[0].status, drift.files[0].code)
changed drift.waiver-unsealed
waived ...
"""

from typing import TYPE_CHECKING

from remembrancer.lazy import attach

if TYPE_CHECKING:
    from remembrancer.standard.drift import Drift, File, Generation, Seeded, Status, Waiver
    from remembrancer.standard.drift import judge as compare
    from remembrancer.standard.generations import Answers, answers_of
    from remembrancer.standard.generations import generations as recorded_generations
    from remembrancer.standard.judge import Compared, judge_drift
    from remembrancer.standard.missed import record_missed
    from remembrancer.standard.waive import record_waiver
else:
    __getattr__, __dir__ = attach(
        __name__,
        {
            "drift": "Drift, File, Generation, Seeded, Status, Waiver, judge as compare",
            "generations": "Answers, answers_of, generations as recorded_generations",
            "judge": "Compared, judge_drift",
            "missed": "record_missed",
            "waive": "record_waiver",
        },
    )

__all__ = [
    "Answers",
    "Compared",
    "Drift",
    "File",
    "Generation",
    "Seeded",
    "Status",
    "Waiver",
    "answers_of",
    "compare",
    "judge_drift",
    "record_missed",
    "record_waiver",
    "recorded_generations",
]
