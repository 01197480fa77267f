"""Free ports of this machine."""

import socket
from contextlib import closing


def is_free(port: int) -> bool:
    with closing(socket.socket()) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def free_port_from(wanted: int, *, taken: frozenset[int] = frozenset()) -> int:
    """The first free port from `wanted` on that is not spoken for."""
    return next(port for port in range(wanted, 65536) if port not in taken and is_free(port))


def any_free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
