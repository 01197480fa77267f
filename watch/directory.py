"""Where the processes of one machine keep what they count, so that any of them can tell the sum of all.

Each process has files of its own, as prometheus_client's multiprocess mode writes them: counter_<pid>.db and so on.
What a dead process counted is added to the files of process 0, which is nobody: a sum that fell would look like a
restart.
"""

import fcntl
import os
import stat
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from hashlib import blake2b
from pathlib import Path

from prometheus_client.mmap_dict import MmapedDict

KEPT = "0"  # in the place of a process id
LIVE = "gauge_live"  # what these files say ends with their process
LATEST = "gauge_mostrecent"


class DirectoryUnusable(Exception):
    """The directory of metrics is not ours alone, or cannot be made."""


def default_directory(of: str) -> Path:
    """In memory if there is such a place; each user and each of their Tahoons (`of`: its database) has another."""
    memory = Path("/dev/shm")  # noqa: S108 - the name is ours, and open_directory looks who made it
    parent = memory if os.access(memory, os.W_OK) else Path(tempfile.gettempdir())
    return parent / f"tahoon-metrics-{os.getuid()}-{blake2b(of.encode(), digest_size=6).hexdigest()}"


def open_directory(directory: Path) -> Path:
    """The directory, made if need be, writable by nobody else. Raises DirectoryUnusable."""
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = directory.lstat()
    except OSError as error:
        raise DirectoryUnusable(f"{directory}: {type(error).__name__}") from error
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o022:
        raise DirectoryUnusable(f"{directory}: is not a directory that only this user can write to")
    return directory


@contextmanager
def alone_in(directory: Path) -> Iterator[None]:
    """Nobody else reads sums or puts dead processes away."""
    descriptor = os.open(directory / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def files_of(directory: Path) -> list[Path]:
    """The files that hold something: one may be caught while it is being made."""
    return [path for path in sorted(directory.glob("*.db")) if path.stat().st_size > 0]


def put_dead_away(directory: Path) -> None:
    """Add what dead processes counted to the kept files, and remove theirs. Call it alone_in the directory.

    Whoever is killed between the two leaves something counted twice: no promise depends on it.
    """
    dead: dict[str, list[Path]] = {}
    for path in directory.glob("*.db"):
        kind, _, process = path.stem.rpartition("_")
        if process != KEPT and not is_alive(process):
            dead.setdefault(kind, []).append(path)
    for kind, paths in dead.items():
        if not kind.startswith(LIVE):
            _keep(kind, directory / f"{kind}_{KEPT}.db", paths)
        for path in paths:
            path.unlink()


def is_alive(process: str) -> bool:
    """Whether the process runs, as far as its id tells: one that was given its id again goes on with its files."""
    try:
        os.kill(int(process), 0)
    except (ProcessLookupError, ValueError):
        return False
    except PermissionError:
        return True
    return True


def _keep(kind: str, kept: Path, dead: Iterable[Path]) -> None:
    values: dict[str, tuple[float, float]] = {}
    for path in (kept, *dead):
        if not path.exists() or path.stat().st_size == 0:
            continue
        for key, value, at, _ in MmapedDict.read_all_values_from_file(str(path)):  # type: ignore[no-untyped-call]
            known, known_at = values.get(key, (0.0, 0.0))
            if kind == LATEST:
                values[key] = max((known_at, known), (at, value))[::-1]
            else:
                values[key] = (known + value, 0.0)
    written = kept.with_suffix(".new")
    written.unlink(missing_ok=True)
    file = MmapedDict(str(written))  # type: ignore[no-untyped-call]
    for key, (value, at) in values.items():
        file.write_value(key, value, at)  # type: ignore[no-untyped-call]
    file.close()  # type: ignore[no-untyped-call]
    written.replace(kept)
