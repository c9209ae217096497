"""What a verdict was asked about: not only bytes, but the version of a component that they are said to be. Pure."""

import re

from remembrancer.named import NamedTuple
from remembrancer.verify.evidence import Entry, Evidence

SUFFIXES = (".tar.gz", ".tar.xz", ".tar.zst", ".tgz", ".zip", ".whl", ".tar")
# a letter, and later what an eye takes for a version, in any script: a digit behind a separator, or 1.2; compiled by
# `re` when a name is first asked, which one that is `<component>-<version>` never is
_RELEASE = r"(?is)[^\W\d_].*?(?:(?:[^\w.(]|_)v?\d|\d\.\d)"

_VERSION = re.compile("v?[0-9]", re.IGNORECASE)
# a version and nothing else, as forges call the archive of a tag: v2, 1.2.0; a bare number or a date says nothing
_ALONE = re.compile(r"v\d.*|v?\d+\.\d.*", re.DOTALL | re.IGNORECASE)


class Asked(NamedTuple):
    """What the user says that an artifact is; "" is not said."""

    component: str = ""
    version: str = ""

    def fits(self, entry: Entry) -> bool:
        """Say whether a deploy receipt is about what was asked."""
        said = entry.receipt.predicate
        return self.component in {"", said["component"]} and self.version in {"", said["version"]}

    @property
    def complete(self) -> bool:
        """Whether nothing is left to the file's name."""
        return bool(self.component and self.version)


def stem(name: str) -> str:
    """Return an artifact's file name without its suffix, of a wheel only the name and the version."""
    if name.endswith(".whl"):
        return "-".join(name.removesuffix(".whl").split("-")[:2]).replace("_", "-")
    return next((name.removesuffix(suffix) for suffix in SUFFIXES if name.endswith(suffix)), name)


def named(entry: Entry, name: str) -> bool:
    """Say whether a file name is that of the version which a deploy receipt records, and can be read as no other.

    `tool-box-1.0.0` is what `tool-box` 1.0.0 is called: a signer of `tool` does not get it by a version `box-1.0.0`.
    """
    said = entry.receipt.predicate
    if not _VERSION.match(str(said["version"])) and names_a_version(name):
        return False
    return stem(name).replace("_", "-") == f"{said['component']}-{said['version']}".replace("_", "-")


def names_a_version(name: str) -> bool:
    """Say whether a file name reads as `<component>-<version>`, so that its reader takes it for that.

    Readers see no difference between look-alike letters, digits and hyphens, so none is made here.
    """
    return re.search(_RELEASE, stem(name)) is not None or _is_version(name)


def _is_version(name: str) -> bool:
    """Say whether a file name is a version alone."""
    return _ALONE.fullmatch(stem(name)) is not None


def _of_version(entry: Entry, name: str) -> bool:
    said = str(entry.receipt.predicate["version"])
    return stem(name).lower().removeprefix("v") == said.lower().removeprefix("v")


def proven_as(evidence: Evidence, asked: Asked) -> Entry | None:
    """Return the deploy receipt of these bytes that fits the question, None where there is none.

    A component and a version that are asked for decide; what is not asked for the file's name decides, if it names a
    version. The component never comes from a receipt against that: who may sign for one could relabel another's file.
    """
    fitting = [entry for entry in evidence.deploys if asked.fits(entry)]
    name = evidence.artifact.name
    called = [entry for entry in fitting if (_of_version if _is_version(name) else named)(entry, name)]
    if called or asked.complete or not names_a_version(name):
        return next(iter(called or fitting), None)
    return None
