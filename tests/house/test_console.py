"""Every page of the console is closed to whoever is not signed in, and every form of it to whoever only looks."""

import re
from typing import Any, cast

import pytest

from api.contract import Contract
from api.ops.guard import HEADERS
from repositories.enums import OperatorRole
from tests.unit.api.console import Console

WORLD = Console()
OPEN = {("GET", "/ops/login"), ("POST", "/ops/login"), ("GET", "/ops/static/<name>")}
WITH_FORM = "/ops/logout"  # the only form that a viewer has


def views(world: Console) -> dict[str, Any]:
    return cast(dict[str, Any], world.app.view_functions)


def routes() -> list[tuple[str, str]]:
    """Method and rule of all that is under /ops, and of whatever else says that it is for operators."""
    found = []
    for rule in WORLD.app.url_map.iter_rules():
        contract: Contract = views(WORLD)[rule.endpoint].contract
        if rule.rule.startswith("/ops") or contract.operators is not None:
            found += [(method, rule.rule) for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})]
    return found


ROUTES = routes()
CLOSED = [route for route in ROUTES if route not in OPEN]
FORMS = [rule for method, rule in CLOSED if method == "POST"]


def path_of(rule: str) -> str:
    return re.sub(r"<[^<>]+>", "retry", rule.replace("<int:booking_id>", "1"))


def knocked(world: Console, method: str, rule: str, **headers: str) -> Any:
    sent = {"Origin": "https://localhost", **headers}
    return world.client.open(path_of(rule), method=method, headers=sent, base_url="https://localhost")


def test_the_routes_are_found() -> None:
    assert set(ROUTES) >= OPEN
    assert len(CLOSED) > 12
    assert all(rule.startswith("/ops/") for _, rule in ROUTES)


@pytest.mark.parametrize(("method", "rule"), CLOSED)
def test_without_a_session_nothing_is_seen_or_done(method: str, rule: str) -> None:
    answer = knocked(WORLD, method, rule)
    if method == "POST":
        assert answer.status_code == 401
    else:
        assert (answer.status_code, answer.location[:15]) == (303, "/ops/login?next")
    assert "form_token" not in answer.text


@pytest.mark.parametrize(("method", "rule"), CLOSED)
@pytest.mark.parametrize("cookie", ["", "nonsense", "WzEsMCwxLDEsIngiXQ.AAAA"])
def test_no_cookie_of_others_is_a_session(method: str, rule: str, cookie: str) -> None:
    answer = knocked(WORLD, method, rule, Cookie=f"tahoon_ops={cookie}")
    assert answer.status_code == (401 if method == "POST" else 303)


@pytest.mark.parametrize(("method", "rule"), CLOSED)
def test_a_partners_token_opens_nothing(method: str, rule: str) -> None:
    assert knocked(WORLD, method, rule, **WORLD.bearer()).status_code == (401 if method == "POST" else 303)


@pytest.mark.parametrize("rule", [rule for rule in FORMS if rule != WITH_FORM])
def test_a_viewer_changes_nothing(rule: str) -> None:
    browser = WORLD.browser("viktor")
    answer = browser.post(path_of(rule), why="because", expected="0")
    assert (answer.status_code, "You may look" in answer.text) == (403, True)


@pytest.mark.parametrize("rule", FORMS)
def test_every_form_needs_the_token_of_its_session_and_our_own_origin(rule: str) -> None:
    browser, other = WORLD.browser("huda"), WORLD.browser("huda")
    for forged in (
        browser.post(path_of(rule), token="", why="because"),
        browser.post(path_of(rule), token=other.form_token, why="because"),
        browser.post(path_of(rule), origin="https://evil.example", why="because"),
        browser.post(path_of(rule), origin="null", why="because"),
        browser.post(path_of(rule), origin="", why="because"),
    ):
        assert (forged.status_code, "does not come from a page" in forged.text) == (403, True)


@pytest.mark.parametrize(("method", "rule"), ROUTES)
def test_every_answer_forbids_scripts_frames_and_other_sites(method: str, rule: str) -> None:
    policy = knocked(WORLD, method, rule).headers["Content-Security-Policy"]
    assert policy == HEADERS["Content-Security-Policy"]
    assert "script-src" not in policy  # so default-src 'none' holds for scripts
    assert "unsafe" not in policy


def test_a_page_that_names_no_role_needs_the_larger_one() -> None:
    world = Console()
    assert views(world)["ops.overview"].contract.operators is OperatorRole.VIEWER

    def forgetful() -> str:
        return "open"

    forgetful.contract = Contract(scope=None, is_documented=False)  # type: ignore[attr-defined]
    views(world)["ops.overview"] = forgetful
    assert world.browser("viktor").look("/ops/").status_code == 403
    assert world.browser("huda").look("/ops/").text == "open"
