"""Migrates a database to the newest version: one Alembic tree per database, no .ini file."""

from logging import WARNING, getLogger
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy.engine import make_url

TREES = ("psyter_db", "scheduling_db")


def upgrade(url: str, *, tree: str) -> None:
    """Bring the database at `url` to the head of `tree` (one of TREES). Safe to repeat."""
    getLogger("alembic").setLevel(WARNING)
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite" and parsed.database:
        Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
    command.upgrade(config_of(tree, url), "head")


def config_of(tree: str, url: str) -> Config:
    if tree not in TREES:
        raise ValueError(f"no such tree: {tree}")
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / tree / "migrations"))
    config.set_main_option("path_separator", "os")
    config.attributes["url"] = url
    return config
