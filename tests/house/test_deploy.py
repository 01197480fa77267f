"""docker-compose.yml and the Dockerfile say what the code needs; deploy/check-image.sh shows the image at work."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from config import FILE, PREFIX, SettingsSchema

COMPOSE = yaml.safe_load(Path("docker-compose.yml").read_text())
OURS = {name: one for name, one in COMPOSE["services"].items() if one["image"].startswith("tahoon:")}
RUNS_FOR_EVER = {name: one for name, one in OURS.items() if one["restart"] != "no"}
DOCKERFILE = Path("Dockerfile").read_text()
SETTINGS = SettingsSchema().fields


def setting_of(variable: str) -> str:
    name = variable.removeprefix(PREFIX).lower()
    return name if name in SETTINGS else name.removesuffix(FILE)


def test_the_stack_has_every_part() -> None:
    assert OURS.keys() == {"api", "worker", "beat", "flower", "migrate", "sandbox"}
    assert COMPOSE["services"].keys() == OURS.keys() | {"redis", "sqlserver", "databases"}
    assert [name for name, one in COMPOSE["services"].items() if "profiles" in one] == ["sandbox"]


@pytest.mark.parametrize("name", sorted(OURS))
def test_each_part_of_ours_is_given_settings_that_exist_and_all_that_are_required(name: str) -> None:
    given = {setting_of(variable) for variable in OURS[name]["environment"]}
    assert given <= SETTINGS.keys()
    assert {setting for setting, field in SETTINGS.items() if field.required} <= given


@pytest.mark.parametrize("name", sorted(OURS))
def test_each_part_of_ours_can_do_no_more_than_it_must(name: str) -> None:
    part = OURS[name]
    assert part["read_only"] is True
    assert part["cap_drop"] == ["ALL"]
    assert part["security_opt"] == ["no-new-privileges:true"]
    assert "USER tahoon" in DOCKERFILE


@pytest.mark.parametrize("name", sorted(OURS))
def test_a_secret_comes_from_a_file_that_is_mounted(name: str) -> None:
    files = {
        Path(value).name
        for variable, value in OURS[name]["environment"].items()
        if variable.endswith(FILE.upper()) and str(value).startswith("/run/secrets/")
    }
    if name != "sandbox":  # which reads no setting
        assert files == set(OURS[name]["secrets"])
        its_own = {"flower_viewer_password", "flower_operator_password"}
        assert COMPOSE["secrets"].keys() - files == (set() if name == "flower" else its_own)
    for variable in OURS[name]["environment"]:
        assert not variable.endswith("_KEY"), "a key in the environment is seen by everyone who may inspect a container"


def test_what_runs_for_ever_is_watched() -> None:
    is_watched = {
        name: one.get("healthcheck", "of the image") != {"disable": True} for name, one in RUNS_FOR_EVER.items()
    }
    assert [name for name, watched in is_watched.items() if not watched] == ["beat"]  # what it sends is watched instead
    assert "/readyz" in DOCKERFILE.split("HEALTHCHECK")[1]


def test_the_broker_forgets_nothing() -> None:
    redis = COMPOSE["services"]["redis"]
    line = " ".join(redis["command"])
    for wanted in ("--appendonly yes", "--maxmemory-policy noeviction"):
        assert wanted in line
    assert redis["volumes"] == ["redis:/data"]


def test_nobody_starts_before_the_migrations_are_done() -> None:
    for name in RUNS_FOR_EVER.keys() - {"sandbox"}:
        assert OURS[name]["depends_on"]["migrate"] == {"condition": "service_completed_successfully"}, name


def test_the_image_holds_everything_that_runs_and_nothing_else() -> None:
    let_in = set(re.findall(r"^!(\S+)$", Path(".dockerignore").read_text(), re.MULTILINE))
    assert {name for name in let_in if not Path(name).exists()} == set()
    modules = {path.name for path in Path().glob("*.py")} | {path.parent.name for path in Path().glob("*/__init__.py")}
    assert modules - let_in == {"bench", "docs", "tests"}


def commands() -> list[Any]:
    return [part["command"] for part in OURS.values() if "command" in part]


def test_every_command_names_something_that_is_there() -> None:
    words = {str(word) for command in commands() for word in command} | set(re.findall(r'"([^"]+)"', DOCKERFILE))
    for word in (
        "workers.main",
        "workers.flower",
        "databases",
        "deploy.healthy",
        "api:create_app()",
        "deploy/gunicorn_conf.py",
    ):
        assert any(word in one for one in words), word
        path = word.split(":")[0].replace(".", "/")
        assert any(Path(one).exists() for one in (path, f"{path}.py", word)), word
