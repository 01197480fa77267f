"""The examples of docs/examples do what they say, as a partner would run them."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from demo.stack import Stack
from demo.town import Town
from tests.integration.system.conftest import HASTE, System

EXAMPLES = Path(__file__).resolve().parents[2] / "docs" / "examples"
COMMANDS = {
    "python": [sys.executable, str(EXAMPLES / "book_a_session.py")],
    "curl": ["bash", str(EXAMPLES / "book_a_session.sh")],
}


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    folder: Path = tmp_path_factory.mktemp("examples")
    with Stack(folder, settings=HASTE) as stack:
        town = Town(stack.environment)
        whole = System(stack, town, town.settle_in(providers=4, days=3))
        try:
            stack.start_all()
            stack.wait_for_worker()
            yield whole
        finally:
            whole.close()


@pytest.mark.parametrize("language", COMMANDS)
def test_a_partner_signs_books_waits_and_cancels(system: System, language: str) -> None:
    partner = system.data.charity
    ended = subprocess.run(
        COMMANDS[language],
        env={
            "PATH": os.environ["PATH"],
            "TAHOON_API": system.stack.api_url,
            "ACCESS_KEY": partner.access_key,
            "SHARED_API_KEY": partner.shared_api_key,
        },
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert re.search(r"^confirmed +meeting \w{4}-\w{4}-\w{4}$", ended.stdout, re.MULTILINE)
    assert ended.stdout.splitlines()[-1].split() == ["cancelled", "bookingStatus", "3"]
    system.check_promises()
