"""The sagas, and who plays which part in them."""

import bootstrap
from bootstrap.databases import Databases
from bootstrap.outside_services import build_push, build_rooms
from config import Settings
from repositories.psyter_db.care_providers import SqlCareProviders
from repositories.psyter_db.order_changes import SqlOrderChanges
from repositories.psyter_db.orders import SqlOrders
from repositories.psyter_db.users import SqlUsers
from repositories.scheduling_db.bookings import SqlBookings
from repositories.scheduling_db.groups import SqlGroups
from repositories.scheduling_db.slots import SqlSlots
from saga.book_session import BookSession
from saga.cancel_booking import CancelBooking
from saga.definition import Saga
from saga.protection import Guard
from saga.reschedule_booking import RescheduleBooking
from saga.withdraw_group import WithdrawGroup


def build_sagas(settings: Settings, databases: Databases, guard: Guard) -> tuple[Saga, ...]:
    orders = SqlOrders(databases.psyter)
    rooms = build_rooms(settings, databases, guard)
    providers = SqlCareProviders(databases.psyter)
    push = build_push(settings, guard)
    return (
        BookSession(
            slots=SqlSlots(databases.scheduling),
            orders=orders,
            rooms=rooms,
            providers=providers,
            users=SqlUsers(databases.psyter),
            push=push,
            clock=bootstrap.utc_now,
        ),
        CancelBooking(orders=orders, rooms=rooms, providers=providers, push=push, clock=bootstrap.utc_now),
        WithdrawGroup(
            groups=SqlGroups(databases.scheduling), bookings=SqlBookings(databases.scheduling), clock=bootstrap.utc_now
        ),
        RescheduleBooking(
            slots=SqlSlots(databases.scheduling),
            orders=SqlOrderChanges(databases.psyter),
            providers=providers,
            push=push,
            clock=bootstrap.utc_now,
        ),
    )
