"""The docs say what the code does, and their links lead somewhere."""

import re
from pathlib import Path

import pytest

from api.security.scopes import Scope
from docs.generate import FOLDER, pages

LINK = re.compile(r"\[[^\]]*\]\(([^)#\s]+)[^)]*\)")
PAGES = [Path("README.md"), Path("CHANGELOG.md"), *sorted(Path("docs").rglob("*.md"))]


@pytest.mark.parametrize("name", pages())
def test_a_generated_page_is_as_the_code_has_it(name: str) -> None:
    assert (FOLDER / name).read_text() == pages()[name](), "run: make docs"


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_every_link_leads_somewhere(page: Path) -> None:
    links = [link for link in LINK.findall(page.read_text()) if "://" not in link]
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_every_page_is_on_the_map() -> None:
    linked = {(Path("docs") / link).resolve() for link in LINK.findall(Path("docs/index.md").read_text())}
    pages_of_docs = {page.resolve() for page in Path("docs").rglob("*.md") if page.parent.name != "decisions"}
    assert pages_of_docs - linked == {Path("docs/index.md").resolve()}


def test_partners_read_what_every_scope_lets_them_do() -> None:
    rows = [line.split("|")[1] for line in Path("docs/how-to/tokens.md").read_text().splitlines() if line[:3] == "| `"]
    assert {scope for row in rows for scope in re.findall(r"`(\w+:\w+)`", row)} == {scope.value for scope in Scope}
