"""A repository with a complete development release, made once and copied for each test."""

from collections.abc import Iterator

import pytest

from cli_support import Scratch, end_agents, released


@pytest.fixture(scope="session")
def original() -> Iterator[Scratch]:
    """The release that `scratch` copies; a file that needs more in it has one of its own."""
    made = released()
    yield made
    made.remove()


@pytest.fixture
def scratch(original: Scratch) -> Iterator[Scratch]:
    """A copy that a test may change."""
    copy = original.copy()
    yield copy
    end_agents(copy)
    copy.remove()
