"""Sums over processes: nothing that was counted is lost or told twice, whoever has died."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from prometheus_client.mmap_dict import MmapedDict

from watch.directory import DirectoryUnusable, alone_in, default_directory, files_of, open_directory, put_dead_away

COUNTED, AGE = '["a", "a_total", {}, "help"]', '["age", "age", {}, "help"]'


@pytest.fixture
def nobody() -> str:
    """The id of a process that has ended."""
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    return str(ended.pid)


def write(path: Path, key: str, value: float, at: float = 0.0) -> None:
    file = MmapedDict(str(path))  # type: ignore[no-untyped-call]
    file.write_value(key, value, at)  # type: ignore[no-untyped-call]
    file.close()  # type: ignore[no-untyped-call]


def read(path: Path) -> dict[str, float]:
    found = MmapedDict.read_all_values_from_file(str(path))  # type: ignore[no-untyped-call]
    return {key: value for key, value, _, _ in found}


def test_what_the_dead_counted_is_kept_and_their_files_are_gone(tmp_path: Path, nobody: str) -> None:
    write(tmp_path / "counter_0.db", COUNTED, 5)
    write(tmp_path / f"counter_{nobody}.db", COUNTED, 7)
    write(tmp_path / f"counter_{os.getpid()}.db", COUNTED, 11)
    for _ in range(2):
        with alone_in(tmp_path):
            put_dead_away(tmp_path)
        assert {path.name for path in files_of(tmp_path)} == {"counter_0.db", f"counter_{os.getpid()}.db"}
        assert read(tmp_path / "counter_0.db") == {COUNTED: 12}
    assert read(tmp_path / f"counter_{os.getpid()}.db") == {COUNTED: 11}


def test_the_newest_word_of_the_dead_is_kept_not_the_sum(tmp_path: Path, nobody: str) -> None:
    write(tmp_path / "gauge_mostrecent_0.db", AGE, 3, at=20.0)
    write(tmp_path / f"gauge_mostrecent_{nobody}.db", AGE, 9, at=10.0)
    put_dead_away(tmp_path)
    assert read(tmp_path / "gauge_mostrecent_0.db") == {AGE: 3}
    write(tmp_path / f"gauge_mostrecent_{nobody}.db", AGE, 1, at=30.0)
    put_dead_away(tmp_path)
    assert read(tmp_path / "gauge_mostrecent_0.db") == {AGE: 1}


def test_what_is_true_of_the_living_only_dies_with_them(tmp_path: Path, nobody: str) -> None:
    write(tmp_path / f"gauge_livesum_{nobody}.db", AGE, 4)
    put_dead_away(tmp_path)
    assert files_of(tmp_path) == []


def test_a_file_that_is_just_being_made_is_passed_over(tmp_path: Path, nobody: str) -> None:
    (tmp_path / f"counter_{os.getpid()}.db").touch()
    (tmp_path / f"counter_{nobody}.db").touch()
    put_dead_away(tmp_path)
    assert [path.name for path in files_of(tmp_path)] == ["counter_0.db"]
    assert read(tmp_path / "counter_0.db") == {}


def test_a_directory_that_others_can_write_to_is_not_used(tmp_path: Path) -> None:
    assert open_directory(tmp_path / "ours") == tmp_path / "ours"
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o777)
    (tmp_path / "link").symlink_to(tmp_path / "ours")
    (tmp_path / "file").touch()
    for name in ("open", "link", "file", "file/below"):
        with pytest.raises(DirectoryUnusable):
            open_directory(tmp_path / name)


def test_two_tahoons_of_one_machine_keep_apart() -> None:
    assert default_directory("sqlite:///a") == default_directory("sqlite:///a") != default_directory("sqlite:///b")
