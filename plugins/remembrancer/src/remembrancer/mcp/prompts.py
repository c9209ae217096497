"""The standard's triggers as prompts: which tools to ask, and which companion of the rules the answer rests on."""

from remembrancer.mcp.quoted import PASSAGE, clean

RULES = ".amazonq/rules"
COVENANTS = f"Before anything else hold the answer against the four covenants ({RULES}/four-covenants.md)."
QUOTE = "Quote only what a tool returned, with verdict.outcome beside it; say so where it is not verified."


def _about(text: str) -> str:
    return f"The question: {clean(text, PASSAGE)}" if text else ""


def _prompt(*parts: str) -> str:
    return "\n\n".join(part for part in (*parts, QUOTE, COVENANTS) if part)


def why_or_design(question: str) -> str:
    """Why is it so, or how should it be designed: history first, then the Seven Seals."""
    return _prompt(
        _about(question),
        "Call `query` with the question's own words; for a file, a line or a component call `why`.",
        f"Map the answer to the Seven Seals that it rests on ({RULES}/philosophical-foundation.md).",
    )


def deploy_or_release(component: str = "", version: str = "") -> str:
    """Deploy or release: the Operational Ritual, ready to run."""
    return _prompt(
        _about(" ".join(part for part in (component, version) if part)),
        "Call `list_deployments` for what runs where, and `drift` for whether the standard still holds.",
        f"Give the Operational Ritual block ({RULES}/operational-rituals.md), ready to run, with its way back.",
        "After it ran, call `verify_artifact` with the artifact in dist/.",
    )


def choose(options: str) -> str:
    """Choose X or Y: suggest a decision record, and check each against the covenants."""
    return _prompt(
        _about(options),
        "Call `query` for each option: an earlier decision may have settled it, or have been superseded.",
        f"Suggest an ADR ({RULES}/adr-pattern.md) and check every option against each covenant.",
    )


def memory_or_prediction(question: str = "") -> str:
    """Memory, prediction or a swarm: a Psi-Field Reflection from measured values."""
    return _prompt(
        _about(question),
        "Call `reflection`, and `timeline` for what its values come from.",
        f"Give a Psi-Field Reflection ({RULES}/psi-field-awareness.md); it reflects, and proves nothing.",
    )


def future_or_contribute(question: str = "") -> str:
    """The future, or contributing: the Evolution Roadmap."""
    return _prompt(
        _about(question),
        "Call `list_adrs` for what is decided and `timeline` for how it came here.",
        f"Cite the Evolution Roadmap ({RULES}/evolution-roadmap.md).",
    )


def covenants(answer: str = "") -> str:
    """Anything: hold an answer against the Four Covenants."""
    return _prompt(
        f"The answer: {clean(answer, PASSAGE)}" if answer else "",
        "Call `verify_audit` when the answer rests on the record; name the covenant that an answer would break.",
    )


EVERY = (why_or_design, deploy_or_release, choose, memory_or_prediction, future_or_contribute, covenants)
