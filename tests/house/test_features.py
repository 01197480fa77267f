"""docs/features.md names what there is: every feature of the inventory, with routes, modules and tests that exist."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from tests.unit.api.world import World

PAGE = Path("docs/features.md")
NUMBERED = {  # the inventory's features; 10, 12 and 13 are summaries
    *("1.1", "1.2", "1.3", "2.1", "2.2", "2.3", "3.1", "3.2", "3.3", "3.4", "4.1", "4.2", "4.3", "5.1", "5.2", "5.3"),
    *("6.1", "6.2", "6.3", "7.1", "7.2", "8.1", "8.2", "8.3", "8.4", "8.5", "9.1", "9.2"),
    *(f"11.{number}" for number in range(1, 11)),
    *("14.1", "14.2", "14.3"),
}
WITHOUT = ("not yet", "left out")
QUOTED = re.compile(r"`([^`]+)`")
ROUTE = re.compile(r"(GET|POST|DELETE|PUT|PATCH) (/\S+)")
WORDS_OF_ROUTES = {"every route", "every signed command", "every text that comes in", "every id on the wire"} | {
    *("every message", "environment", "")
}
ROWS = [
    tuple(cell.strip() for cell in line.strip("|\n").split("|"))
    for line in PAGE.read_text().splitlines()
    if re.match(r"\| \d+\.\d+ \|", line)
]
WORLD = World()


def rules() -> set[tuple[str, str]]:
    """Method and path, with a parameter in braces whatever its converter."""
    return {
        (method, re.sub(r"<(?:[^:>]*\([^)]*\)[^:>]*:|[^:>]*:)?([^>]+)>", r"{\1}", rule.rule))
        for rule in WORLD.app.url_map.iter_rules()
        for method in rule.methods or ()
    }


@cache
def functions_of(path: Path) -> set[str]:
    return {node.name for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.FunctionDef)}


def test_every_feature_of_the_inventory_is_on_the_page() -> None:
    assert {row[0] for row in ROWS} == NUMBERED


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row[0]} {row[1]}")
def test_what_a_feature_names_exists(row: tuple[str, ...]) -> None:
    _number, _feature, route, module, shown_by = row
    if route.startswith(WITHOUT):
        assert (module, shown_by) == ("", "")
        return
    assert Path(*QUOTED.findall(module)).is_file(), module
    (test,) = QUOTED.findall(shown_by)
    path, name = test.split("::")
    assert name in functions_of(Path(path)), test
    named = QUOTED.findall(route)
    assert named or route in WORDS_OF_ROUTES, route
    for one in named:
        assert_is_there(one)


def assert_is_there(route: str) -> None:
    if found := ROUTE.fullmatch(route):
        assert found.groups() in rules(), route
    elif route.startswith("flask --app api "):
        assert route.split()[-1] in WORLD.app.cli.commands
    elif route.startswith("python -m "):
        assert (Path(route.split()[-1]) / "__main__.py").is_file()
    else:  # a step, or several
        code = "".join(path.read_text() for path in Path("saga").glob("*.py"))
        assert re.search(f'"{route.replace("...", "[a-z_]+")}"', code), route


def test_every_route_is_on_the_page() -> None:
    """Health apart, which is no feature."""
    named = {found.groups() for row in ROWS for one in QUOTED.findall(row[2]) if (found := ROUTE.fullmatch(one))}
    there = {one for one in rules() if one[1].startswith("/api/v1/") and one[0] not in {"HEAD", "OPTIONS"}}
    assert sorted(there - named) == [], f"give each a line in {PAGE}"
