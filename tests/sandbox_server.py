"""The sandbox in a thread of the test process, over real HTTP on a free port."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from werkzeug.serving import make_server

from integrations.sandbox.app import create_sandbox


@contextmanager
def running_sandbox() -> Iterator[str]:
    """The sandbox's base address; it ends with the block."""
    server = make_server("127.0.0.1", 0, create_sandbox(), threaded=True)
    server.daemon_threads = True  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
