"""Which redis-server is started: the one on PATH, else the wheel's, else a line that says how to get one."""

import sys
from pathlib import Path

import pytest

from demo import redis_server
from demo.redis_server import NoRedisServer, find_redis_server


def executable(folder: Path) -> Path:
    binary = folder / "redis-server"
    binary.write_text("#!/bin/sh\n")
    binary.chmod(0o755)
    return binary


def test_the_one_on_path_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    binary = executable(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_redis_server() == binary


def test_without_one_on_path_the_wheels_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    found = find_redis_server()
    assert found.is_file()
    assert found.is_relative_to(Path(sys.prefix).resolve())


def test_without_any_one_line_says_how_to_get_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(redis_server, "files", lambda _name: [])
    with pytest.raises(NoRedisServer) as missing:
        find_redis_server()
    assert "apt-get install redis-server" in str(missing.value)
    assert "\n" not in str(missing.value)
