"""`python -m databases`: what it prints, and that a refusal is one line and exit code 1."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from databases.__main__ import commands
from databases.segments import Segment, SegmentCipher
from databases.strings import parse
from demo.ports import any_free_port
from repositories.database import open_database

KEY = "k" * 32
STRING = "Data Source=db;Initial Catalog=Psyter;User Id=tahoon;Password='se;cret';Encrypt=true"


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # no .env
    monkeypatch.setenv("TAHOON_CONNECTION_KEY", KEY)


def run(*arguments: str, given: str | None = None) -> Result:
    return CliRunner().invoke(commands, arguments, input=given)


def refusal(result: Result) -> str:
    assert result.exit_code == 1
    lines = result.output.strip().splitlines()
    assert len(lines) == 1
    return lines[0]


def test_a_segment_is_encrypted_and_decrypted() -> None:
    encrypted = run("encrypt", "--segment", "password", given="se;cret\n")
    assert encrypted.exit_code == 0
    assert SegmentCipher(KEY).decrypt(Segment.PASSWORD, encrypted.output.strip()) == "se;cret"
    assert run("decrypt", "--segment", "Password", given=encrypted.output).output == "se;cret\n"


def test_a_whole_string_keeps_all_but_its_four_segments() -> None:
    encrypted = run("encrypt", given=STRING).output
    assert [key for key, value in parse(encrypted) if value.startswith("enc:v1:")] == list(Segment)
    assert dict(parse(encrypted))["Encrypt"] == "true"
    assert parse(run("decrypt", given=encrypted).output) == parse(STRING)


def test_a_wrong_key_is_one_clear_line(monkeypatch: pytest.MonkeyPatch) -> None:
    encrypted = run("encrypt", given=STRING).output
    monkeypatch.setenv("TAHOON_CONNECTION_KEY", "K" * 32)
    line = refusal(run("decrypt", given=encrypted))
    assert line == (
        "Error: the segment Data Source was encrypted with another key than CONNECTION_KEY, or was changed since"
    )


@pytest.mark.parametrize("key", ["", "short"])
def test_without_a_key_one_line_says_which_setting_to_make(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAHOON_CONNECTION_KEY", key)
    assert "TAHOON_CONNECTION_KEY must be set, to 32 characters or more" in refusal(run("encrypt", given=STRING))


def test_what_is_no_connection_string_is_not_shown() -> None:
    assert "secret" not in refusal(run("encrypt", given="secret"))
    assert "secret" not in refusal(run("encrypt", given="Key=secret"))


def test_both_databases_are_migrated_and_twice_is_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAHOON_SANDBOX", "1")
    for _ in range(2):
        assert run("upgrade").output == "psyter_db is up to date\nscheduling_db is up to date\n"
    database = open_database(f"sqlite:///{tmp_path}/var/scheduling.db")
    with database.reading() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM bookings").scalar() == 0
    database.close()


def test_a_server_that_is_not_there_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAHOON_SANDBOX", "1")
    monkeypatch.setenv("TAHOON_PSYTER_DB_URL", f"postgresql://postgres:secret@127.0.0.1:{any_free_port()}/psyter")
    line = refusal(run("upgrade"))
    assert line.startswith("Error: the database did not answer: ")
    assert "secret" not in line


def test_the_sql_of_the_migrations_can_be_read_first() -> None:
    printed = run("upgrade", "--sql", "mssql").output
    assert "CREATE TABLE organizations (" in printed
    assert "CREATE TABLE bookings (" in printed
