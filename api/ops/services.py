"""What the console needs beside the services of the API, typed by what it asks of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from api.ops.sessions import Sessions
from repositories.entities.board import BrokerSeen
from repositories.enums import Service
from repositories.ports.board import Boards
from repositories.ports.operators import OperatorAccounts


@dataclass(frozen=True, kw_only=True)
class OpsServices:
    accounts: OperatorAccounts
    sessions: Sessions
    boards: Boards
    broker: Callable[[], BrokerSeen]
    places: Callable[[], Mapping[Service, tuple[int, int]]]  # calls at this moment, and how many there may be
