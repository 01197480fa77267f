"""`python -m workers.flower --port N [--address A]`: Flower behind two logins, `viewer` and `operator`, on a path.

Flower knows one set of rights for everyone. Here one process holds two of it over the same events: one in Flower's own
read-only mode, one not, and who asks is sent to theirs before any of Flower's handlers runs (decision 37).
"""

import argparse
import atexit
import hmac
import signal
import sys
from base64 import b64decode
from collections.abc import Mapping
from enum import StrEnum
from types import FrameType
from typing import Any

from celery import Celery
from flower.app import Flower
from flower.command import extract_settings, setup_logging
from flower.options import options
from flower.urls import settings as tornado_settings
from tornado.httputil import HTTPServerRequest
from tornado.web import RedirectHandler, RequestHandler

from config import Settings

COLUMNS = "name,args,result,state,received,runtime,worker,uuid"  # args and result are ids and short words
READS = frozenset({"GET", "HEAD"})


class Login(StrEnum):
    VIEWER = "viewer"  # sees everything, changes nothing
    OPERATOR = "operator"  # may also revoke tasks, start them, and stop workers


class Refusal(RequestHandler):
    """What somebody gets who may not ask this."""

    def initialize(self, status: int, said: str) -> None:
        self.status, self.said = status, said

    def prepare(self) -> None:
        self.set_status(self.status)
        self.set_header("Content-Type", "text/plain; charset=UTF-8")
        if self.status == 401:
            self.set_header("WWW-Authenticate", 'Basic realm="flower", charset="UTF-8"')
        self.finish(self.said)

    def check_xsrf_cookie(self) -> None:
        """A refusal needs no protection, and must not turn into another."""


class ReadOnly:
    """Flower's options, in its read-only mode."""

    read_only = True

    def __init__(self, options: Any) -> None:
        self._options = options

    def __getattr__(self, name: str) -> Any:
        return getattr(self._options, name)


class GuardedFlower(Flower):  # type: ignore[misc]
    """Flower as operators have it; a viewer's requests go to a second one that is read-only."""

    def __init__(self, *, passwords: Mapping[Login, str], path: str, options: Any, **parts: Any) -> None:
        super().__init__(options=options, **parts)
        self.for_viewers = Flower(options=ReadOnly(options), **parts, events=self.events, io_loop=self.io_loop)
        self.for_viewers.inspector = self.inspector
        self._passwords = passwords
        self._door = path  # where Flower itself answers 404, without the slash
        self._open = f"{path}/healthcheck"
        self._asks_by_post = f"{path}/tasks/datatable"  # a list too long for a URL

    def find_handler(self, request: HTTPServerRequest, **how: Any) -> Any:
        if request.path == self._open:
            return super().find_handler(request, **how)
        login = login_of(request.headers.get("Authorization", ""), self._passwords)
        if login is None:
            return self._refused(request, status=401, said="Sign in as viewer or operator.")
        if request.path == self._door:
            return self.get_handler_delegate(request, RedirectHandler, {"url": f"{self._door}/"})
        if login is Login.OPERATOR:
            return super().find_handler(request, **how)
        if request.method in READS or (request.method == "POST" and request.path == self._asks_by_post):
            return self.for_viewers.find_handler(request, **how)
        return self._refused(request, status=403, said="A viewer changes nothing; sign in as operator.")

    def _refused(self, request: HTTPServerRequest, *, status: int, said: str) -> Any:
        return self.get_handler_delegate(request, Refusal, {"status": status, "said": said})


def login_of(authorization: str, passwords: Mapping[Login, str]) -> Login | None:
    """Whose name and password this header of HTTP Basic holds; None if nobody's."""
    scheme, _, encoded = authorization.partition(" ")
    try:
        given = b64decode(encoded, validate=True) if scheme.lower() == "basic" else b""
    except ValueError:
        return None
    found = None
    for login, password in passwords.items():
        if hmac.compare_digest(given, credentials(login, password).encode()):
            found = login
    return found


def credentials(login: Login, password: str) -> str:
    return f"{login}:{password}"


def build_flower(capp: Celery, settings: Settings, *, port: int, address: str) -> GuardedFlower:
    """Flower, not yet serving. Ends the process with what is missing if a password is not set."""
    passwords = passwords_of(settings)
    options.port, options.address = port, address
    options.url_prefix = settings.flower_path.strip("/")
    options.basic_auth = [credentials(*each) for each in passwords.items()]  # Flower's own check, and its XSRF's, go on
    options.tasks_columns = COLUMNS
    options.logging = "error"
    extract_settings()
    setup_logging()
    path = settings.flower_path.rstrip("/")
    return GuardedFlower(passwords=passwords, path=path, options=options, capp=capp, **tornado_settings)


def passwords_of(settings: Settings) -> dict[Login, str]:
    given = {Login.VIEWER: settings.flower_viewer_password, Login.OPERATOR: settings.flower_operator_password}
    missing = [f"TAHOON_FLOWER_{login.upper()}_PASSWORD" for login, password in given.items() if password is None]
    if missing:
        raise SystemExit(f"Flower does not start without {' and '.join(missing)}.")
    return {login: password for login, password in given.items() if password is not None}


def serve(capp: Celery, settings: Settings, *, port: int, address: str) -> None:
    """Until SIGTERM or SIGINT."""
    flower = build_flower(capp, settings, port=port, address=address)
    atexit.register(flower.stop)
    signal.signal(signal.SIGTERM, end)
    flower.start_http_server()
    try:
        flower.start()
    except (KeyboardInterrupt, SystemExit):
        return


def end(_number: int, _frame: FrameType | None) -> None:
    sys.exit(0)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m workers.flower", description=__doc__)
    parser.add_argument("--port", type=int, default=5555)
    parser.add_argument("--address", default="127.0.0.1")
    wanted = parser.parse_args()
    from bootstrap import build_worker_app, settings_or_exit  # reads the settings, which --help must not need

    serve(build_worker_app(), settings_or_exit(), port=wanted.port, address=wanted.address)


if __name__ == "__main__":
    main()
