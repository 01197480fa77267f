"""A sandbox for the suites that run on a fake and on its real adapter alike."""

from collections.abc import Iterator

import pytest

from demo.ports import any_free_port
from tests.sandbox_server import running_sandbox


@pytest.fixture(scope="module")
def sandbox_url() -> Iterator[str]:
    with running_sandbox() as url:
        yield url


@pytest.fixture
def dead_url() -> str:
    """Nobody listens here."""
    return f"http://127.0.0.1:{any_free_port()}"
