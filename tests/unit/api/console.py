"""The console over the fakes of the sagas, and a browser's view of it: cookies, forms, and the origin of each POST."""

import re
from dataclasses import dataclass, field, fields
from datetime import timedelta
from html import unescape
from typing import Any, cast

from werkzeug.security import generate_password_hash

from api.services import Operations
from repositories.entities.bookings import Booking
from repositories.entities.operators import AccountAudit
from repositories.enums import OperatorRole
from saga.service_operator import ServiceOperator
from tests.fakes.services import FakeServices
from tests.unit.api.world import NOW, World
from tests.unit.saga.test_operators import Desk

PASSWORD = "correct horse battery"
HASH = generate_password_hash(PASSWORD, method="scrypt:256:8:1")  # as ours, and cheap
HOST = "http://localhost"
ENTRY = AccountAudit(action="add", by="root", why="first", at=NOW)
TOKEN = re.compile(r'name="form_token" value="([0-9a-f]{64})"')
TAG = re.compile(r"<[^>]*>")


@dataclass
class Console(World):
    """The app, with sagas behind it and an account of each role: huda steps in, viktor looks."""

    desk: Desk = field(default_factory=Desk)
    outside: FakeServices = field(default_factory=FakeServices)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.now = self.desk.now
        for name, role in (("huda", OperatorRole.OPERATOR), ("viktor", OperatorRole.VIEWER)):
            self.accounts.add_account(name, password_hash=HASH, role=role, entry=ENTRY)

    def operations(self) -> Operations:
        unused = {one.name for one in fields(Operations)} - {"records", "operator", "outside"}
        others = dict.fromkeys(unused, cast(Any, None))
        return Operations(
            records=self.desk.records,
            operator=self.desk.operator,
            outside=ServiceOperator(services=self.outside, clock=lambda: self.now),
            **others,
        )

    def find_booking(self, booking_id: int, *, organization_id: int) -> Booking | None:
        return self.desk.scheduling.find_booking(booking_id, organization_id=organization_id)

    def browser(self, name: str | None = None) -> "Browser":
        """A browser, signed in as this operator if one is named."""
        browser = Browser(self)
        if name is not None:
            answer = browser.sign_in(name)
            assert answer.status_code == 303, answer.text
        return browser

    def pass_time(self, time: timedelta) -> None:
        self.desk.now += time
        self.now = self.desk.now


class Browser:
    def __init__(self, world: Console) -> None:
        self.world = world
        self.client = world.app.test_client()
        self.form_token = ""

    def sign_in(self, name: str, password: str = PASSWORD, **fields: str) -> Any:
        answer = self.post("/ops/login", name=name, password=password, **fields)
        if answer.status_code == 303:
            self.look("/ops/find", id="nothing")  # any page with a form of its own
        return answer

    def look(self, path: str, **query: Any) -> Any:
        answer = self.client.get(path, query_string=query or None, base_url=self._base)
        if (found := TOKEN.search(answer.text)) is not None:
            self.form_token = found[1]
        return answer

    def post(self, path: str, *, origin: str | None = None, token: str | None = None, **fields: Any) -> Any:
        form = {"form_token": self.form_token if token is None else token, **fields}
        headers = {"Origin": self._base if origin is None else origin}
        return self.client.post(path, data=form, headers=headers, base_url=self._base)

    @property
    def _base(self) -> str:
        return "https://localhost" if self.world.is_secure else HOST


def words(answer: Any) -> str:
    """What a reader sees of a page, on one line."""
    return " ".join(unescape(TAG.sub(" ", answer.text.partition("<main>")[2])).split())
