"""Which reason codes the program gave while the tests ran: each one is explained, and a whole run meets every one.

A test that meets a code in another way, such as in another process, says so: `@pytest.mark.reason("env.busy")`.
"""

from collections.abc import Sequence
from typing import Any

import pytest

from aurora.reasons import REASONS as AURORA
from remembrancer.errors import RemembrancerError
from remembrancer.findings import Finding
from remembrancer.reasons import REASONS as SHARED

REASONS = {**SHARED, **AURORA}

WHOLE = "not system and not matrix"  # what `make test` selects


class ReasonsMet:
    """Notes the code of every exception and of every finding that is made in this process."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.met: set[str] = set()
        self.wrong: list[str] = []
        self._watch()

    def _watch(self) -> None:
        failed, found = RemembrancerError.__init__, Finding.__new__

        def init(error: RemembrancerError, code: str, *arguments: Any, **more: Any) -> None:
            self.met.add(code)
            failed(error, code, *arguments, **more)

        def new(kind: type[Finding], *arguments: Any, **more: Any) -> Finding:
            made = found(kind, *arguments, **more)
            self.met.add(made.code)
            return made

        RemembrancerError.__init__ = init  # type: ignore[method-assign]
        Finding.__new__ = new  # type: ignore[method-assign, assignment]

    @pytest.hookimpl
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """Count what a test says of itself."""
        self.met.update(code for mark in item.iter_markers("reason") for code in mark.args)

    @pytest.hookimpl
    def pytest_deselected(self, items: Sequence[pytest.Item]) -> None:
        """Count what tests of `make test-system` say of themselves: CI runs both targets."""
        for item in items:
            self.met.update(code for mark in item.iter_markers("reason") for code in mark.args)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Take over what a worker has met."""
        self.met.update(getattr(node, "workeroutput", {}).get("reasons", ()))

    @pytest.hookimpl
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """Judge, in the process that sees all workers."""
        if hasattr(self.config, "workeroutput"):
            self.config.workeroutput["reasons"] = sorted(self.met)
            return
        self.wrong = [f"{code} is not explained" for code in sorted(self.met - REASONS.keys()) if not passed(code)]
        if exitstatus == pytest.ExitCode.OK and whole(self.config):
            self.wrong += [f"{code} was met by no test" for code in sorted(REASONS.keys() - self.met)]
        if self.wrong and exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    @pytest.hookimpl
    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Say what is wrong."""
        for line in self.wrong:
            terminalreporter.write_line(f"reason code {line}", red=True)


def passed(code: str) -> bool:
    """Whether a code is that of a check that held, or one that a test made up."""
    return code.endswith(".ok") or code.startswith("test.")


def whole(config: pytest.Config) -> bool:
    """Whether every test was asked for that `make test` runs."""
    option = config.option
    return config.args == config.getini("testpaths") and option.markexpr == WHOLE and not option.keyword
