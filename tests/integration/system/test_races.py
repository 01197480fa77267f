"""Many partners at once, from several processes: the database decides, and nothing leaks."""

import json
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any

from bench.load import Prepared, send_all
from demo.partner import Partner
from repositories.enums import BookingStatus, Reason
from repositories.scheduling_db import tables as scheduling
from tests.integration.system.conftest import System
from tests.integration.system.promises import rows

PROCESSES = 4
BOOK = "/api/v1/sessionbooking/booksession"


def prepared(partner: Partner, body: dict[str, Any]) -> Prepared:
    headers = {
        "Content-Type": "application/json",
        "Authorization": str(partner.session.headers["Authorization"]),
    }
    return Prepared(BOOK, json.dumps(partner.signed(body)).encode(), headers)


def sent(port: int, requests: Sequence[Prepared]) -> dict[int, int]:
    return send_all(port, requests, connections=8).statuses


def send_from_several_processes(system: System, requests: list[Prepared]) -> None:
    shares = [requests[number::PROCESSES] for number in range(PROCESSES)]
    with ProcessPoolExecutor(PROCESSES, mp_context=get_context("spawn")) as pool:
        port = system.stack.ports["api"]
        answers = sum((Counter(one) for one in pool.map(sent, [port] * PROCESSES, shares)), Counter[int]())
    assert answers == {202: len(requests)}


def outcomes(system: System, after: int) -> Counter[tuple[int, int | None]]:
    bookings = [row for row in rows(system.town, scheduling.bookings) if row.id > after]
    return Counter((row.status, row.reason) for row in bookings)


def test_of_200_bookings_for_one_slot_exactly_one_wins(system: System) -> None:
    slot = next(system.slots)
    before = system.town.count(scheduling.bookings)
    wishes = [
        prepared((system.charity, system.ordinary)[n % 2], system.town.body(slot, f"RIVAL-{n}")) for n in range(200)
    ]
    send_from_several_processes(system, wishes)
    system.check_promises()
    assert outcomes(system, before) == {
        (BookingStatus.CONFIRMED, None): 1,
        (BookingStatus.FAILED, Reason.RECORD_ALREADY_EXIST): 199,
    }


def test_of_50_charity_bookings_on_a_balance_for_20_exactly_20_are_paid(system: System) -> None:
    price = 100_00
    system.town.set_every_price(price)
    spent = system.balance - system.town.balance()
    system.town.set_balance(20 * price)
    system.balance = spent + 20 * price
    before = system.town.count(scheduling.bookings)
    hours = (slot for slot in system.slots if (slot.ends_at - slot.starts_at).total_seconds() == 3600)
    wishes = [prepared(system.charity, system.town.body(next(hours), f"POOR-{n}")) for n in range(50)]
    send_from_several_processes(system, wishes)
    system.check_promises()
    assert outcomes(system, before) == {
        (BookingStatus.CONFIRMED, None): 20,
        (BookingStatus.FAILED, Reason.CHARITY_ORGANIZATION_BALANCE_OUT): 30,
    }
    assert system.town.balance() == 0
