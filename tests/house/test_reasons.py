"""The page of reasons says what the code answers."""

from pathlib import Path

import pytest

from api.errors import ANSWER_TO, HTTP_OF_REASON, OF_HTTP
from repositories.enums import Reason

PAGE = Path("docs/reference/reasons.md").read_text()
AT_ONCE = [*((reason, status) for status, reason in ANSWER_TO.values()), *((r, s) for s, r in OF_HTTP.items())]


def line_of(reason: Reason) -> list[str]:
    (line,) = [line for line in PAGE.splitlines() if line.startswith(f"| {int(reason)} |")]
    return [cell.strip() for cell in line.strip("|").split("|")]


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_has_its_line(reason: Reason) -> None:
    _, name, at_once, ended = line_of(reason)
    assert name == reason.name
    assert ended == str(HTTP_OF_REASON.get(reason, "-"))
    assert {str(status) for given, status in AT_ONCE if given is reason} <= set(at_once.split(", "))
