"""Settings: everything that is missing or wrong is named at once."""

import re
from datetime import timedelta
from pathlib import Path

import pytest

from config import FURTHER_SECRETS, SANDBOX_DEFAULTS, SECRETS, Secret, SettingsWrong, read_settings
from databases.segments import Segment, SegmentCipher

WHOLE = {
    "TAHOON_PSYTER_DB_URL": "postgresql+psycopg://db/psyter",
    "TAHOON_SCHEDULING_DB_URL": "postgresql+psycopg://db/scheduling",
    "TAHOON_REDIS_URL": "redis://queue:6379/0",
    "TAHOON_ID_KEY": "i" * 32,
    "TAHOON_JWT_KEY": "j" * 32,
    "TAHOON_SEAL_KEY": "s" * 32,
    "TAHOON_AUDIT_KEY": "a" * 32,
    "TAHOON_OPS_KEY": "o" * 32,
    "TAHOON_FCM_SERVICE_ACCOUNT_FILE": "/run/secrets/fcm.json",
}


def wrong(environment: dict[str, str]) -> set[str]:
    with pytest.raises(SettingsWrong) as found:
        read_settings(environment)
    return set(re.findall(r"^  TAHOON_(\w+):", str(found.value), re.MULTILINE))


def test_outside_the_sandbox_every_secret_and_address_must_be_given_and_all_are_named_at_once() -> None:
    assert wrong({}) == {name.removeprefix("TAHOON_") for name in WHOLE}


@pytest.mark.parametrize("name", sorted(WHOLE))
def test_each_of_them_is_needed(name: str) -> None:
    assert wrong({k: v for k, v in WHOLE.items() if k != name}) == {name.removeprefix("TAHOON_")}
    assert wrong({**WHOLE, name: ""}) == {name.removeprefix("TAHOON_")}


def test_whole_settings_are_read() -> None:
    settings = read_settings({**WHOLE, "TAHOON_LEASE": "45.5"})
    assert settings.lease == timedelta(seconds=45.5)
    assert settings.sandbox is False
    assert settings.videosdk_api_endpoint is None


def test_the_sandbox_needs_nothing() -> None:
    assert read_settings({"TAHOON_SANDBOX": "1"}).sandbox is True


@pytest.mark.parametrize("name", SECRETS)
def test_the_sandboxs_own_secrets_are_refused_outside_it(name: str) -> None:
    assert wrong({**WHOLE, f"TAHOON_{name.upper()}": SANDBOX_DEFAULTS[name]}) == {name.upper()}


def test_several_faults_are_named_together() -> None:
    given = {**WHOLE, "TAHOON_ID_KEY": "short", "TAHOON_LEASE": "soon", "TAHOON_FCM_ENDPOINT": "nowhere"}
    assert wrong(given) == {"ID_KEY", "LEASE", "FCM_ENDPOINT"}


def test_a_lease_must_outlive_the_longest_call() -> None:
    assert wrong({**WHOLE, "TAHOON_LEASE": "20", "TAHOON_VIDEOSDK_TIMEOUT": "10"}) == {"LEASE"}
    assert wrong({**WHOLE, "TAHOON_DATABASE_TIMEOUT": "15"}) == {"LEASE"}
    read_settings({**WHOLE, "TAHOON_LEASE": "20.1", "TAHOON_VIDEOSDK_TIMEOUT": "10"})


def test_the_two_databases_are_two() -> None:
    assert wrong({**WHOLE, "TAHOON_SCHEDULING_DB_URL": WHOLE["TAHOON_PSYTER_DB_URL"]}) == {"SCHEDULING_DB_URL"}


def test_a_secret_does_not_show_itself() -> None:
    settings = read_settings(WHOLE)
    assert "iiii" not in repr(settings)
    assert repr(Secret("x")) == "Secret(***)"
    assert settings.id_key == "i" * 32


@pytest.mark.parametrize("name", FURTHER_SECRETS)
def test_further_keys_are_as_long_and_as_secret_as_the_first(name: str) -> None:
    setting, known = f"TAHOON_{name.upper()}", SANDBOX_DEFAULTS["jwt_key"]
    settings = read_settings({**WHOLE, setting: f"{'a' * 32}, {'b' * 32}"})
    assert getattr(settings, name) == ("a" * 32, "b" * 32)
    assert "a" * 32 not in repr(settings)
    assert wrong({**WHOLE, setting: f"{'a' * 32},short"}) == {name.upper()}
    assert wrong({**WHOLE, setting: f"{'a' * 32},{known}"}) == {name.upper()}


def test_a_refresh_token_outlives_its_access_token() -> None:
    lifetimes = {"TAHOON_TOKEN_LIFETIME": "100", "TAHOON_REFRESH_GRACE": "10"}
    assert wrong({**WHOLE, **lifetimes, "TAHOON_REFRESH_LIFETIME": "109.9"}) == {"REFRESH_LIFETIME"}
    read_settings({**WHOLE, **lifetimes, "TAHOON_REFRESH_LIFETIME": "110"})


# --- connection strings --------------------------------------------------------------------

STRING = "Data Source=db;Initial Catalog=Psyter;User Id=tahoon;Password={password}"
PLAIN = STRING.format(password="hush")
ENCRYPTED = STRING.format(password=SegmentCipher("c" * 32).encrypt(Segment.PASSWORD, "hush"))


def test_a_connection_string_becomes_an_address_that_hides_itself() -> None:
    settings = read_settings({**WHOLE, "TAHOON_PSYTER_DB_URL": PLAIN})
    assert settings.psyter_db_url.startswith("mssql+pyodbc:///?odbc_connect=Driver")
    assert "hush" not in repr(settings)


def test_an_encrypted_segment_is_decrypted_by_the_key() -> None:
    key = {"TAHOON_CONNECTION_KEY": "c" * 32}
    encrypted = read_settings({**WHOLE, **key, "TAHOON_PSYTER_DB_URL": ENCRYPTED})
    assert encrypted.psyter_db_url == read_settings({**WHOLE, "TAHOON_PSYTER_DB_URL": PLAIN}).psyter_db_url


@pytest.mark.parametrize("key", [{}, {"TAHOON_CONNECTION_KEY": "C" * 32}], ids=["no key", "another key"])
def test_a_wrong_key_is_one_line_that_names_setting_and_segment(key: dict[str, str]) -> None:
    with pytest.raises(SettingsWrong) as found:
        read_settings({**WHOLE, **key, "TAHOON_SCHEDULING_DB_URL": ENCRYPTED})
    (line,) = [line for line in str(found.value).splitlines() if line.startswith("  TAHOON_")]
    assert line.startswith("  TAHOON_SCHEDULING_DB_URL: Cannot be used: the segment Password ")
    assert "enc:" not in str(found.value)


def test_a_short_key_and_a_string_that_cannot_be_read_are_named_together() -> None:
    given = {**WHOLE, "TAHOON_CONNECTION_KEY": "short", "TAHOON_PSYTER_DB_URL": "secret"}
    assert wrong(given) == {"CONNECTION_KEY", "PSYTER_DB_URL"}


def test_a_setting_may_stand_in_a_file_and_the_newline_at_its_end_is_none_of_it(tmp_path: Path) -> None:
    (tmp_path / "jwt").write_text("k" * 32 + "\n")
    environment = {name: value for name, value in WHOLE.items() if name != "TAHOON_JWT_KEY"}
    settings = read_settings({**environment, "TAHOON_JWT_KEY_FILE": str(tmp_path / "jwt")})
    assert settings.jwt_key == "k" * 32
    assert settings.fcm_service_account_file == Path("/run/secrets/fcm.json")  # a path of its own: nothing is read


def test_a_demo_key_in_a_file_is_refused_like_any_other(tmp_path: Path) -> None:
    (tmp_path / "jwt").write_text(SANDBOX_DEFAULTS["jwt_key"])
    environment = {name: value for name, value in WHOLE.items() if name != "TAHOON_JWT_KEY"}
    assert wrong({**environment, "TAHOON_JWT_KEY_FILE": str(tmp_path / "jwt")}) == {"JWT_KEY"}


def test_files_that_are_missing_or_contradict_are_named_together_with_all_else(tmp_path: Path) -> None:
    (tmp_path / "id").write_text("i" * 32)
    files = {"TAHOON_ID_KEY_FILE": str(tmp_path / "id"), "TAHOON_JWT_KEY_FILE": str(tmp_path / "none")}
    environment = {name: value for name, value in WHOLE.items() if name != "TAHOON_JWT_KEY"}
    assert wrong({**environment, **files, "TAHOON_LEASE": "soon"}) == {"ID_KEY_FILE", "JWT_KEY_FILE", "LEASE"}


def test_the_path_of_a_secret_is_told_but_never_what_it_holds(tmp_path: Path) -> None:
    (tmp_path / "jwt").write_text("too-short-secret")
    environment = {name: value for name, value in WHOLE.items() if name != "TAHOON_JWT_KEY"}
    with pytest.raises(SettingsWrong) as found:
        read_settings({**environment, "TAHOON_JWT_KEY_FILE": str(tmp_path / "jwt")})
    assert "too-short-secret" not in str(found.value)


@pytest.mark.parametrize("password", ["short", "has a space in it somewhere", "كلمة-السر-طويلة-بما-يكفي"])
def test_a_password_of_flowers_is_long_and_of_signs_that_every_browser_sends_alike(password: str) -> None:
    assert wrong({**WHOLE, "TAHOON_FLOWER_VIEWER_PASSWORD": password}) == {"FLOWER_VIEWER_PASSWORD"}


def test_flowers_two_logins_have_two_passwords() -> None:
    both = {"TAHOON_FLOWER_VIEWER_PASSWORD": "v" * 16, "TAHOON_FLOWER_OPERATOR_PASSWORD": "v" * 16}
    assert wrong({**WHOLE, **both}) == {"FLOWER_OPERATOR_PASSWORD"}


@pytest.mark.parametrize("path", ["flower", "/flower/", "/../x", "/a b", "//"])
def test_flowers_path_is_a_plain_one(path: str) -> None:
    assert wrong({**WHOLE, "TAHOON_FLOWER_PATH": path}) == {"FLOWER_PATH"}
