"""PsyterDatabase in memory: what the real one promises, in a few dicts. Kept honest by tests/contract."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from repositories.entities.care_providers import CareProvider
from repositories.entities.idempotency import Change, IdempotencyKey
from repositories.entities.moves import AmountChange
from repositories.entities.orders import Order, price_of
from repositories.entities.organizations import Organization
from repositories.entities.users import Guest, User
from repositories.enums import LedgerKind, OrderStatus, SettingGroup
from repositories.ports.errors import BalanceOut, CareProviderUnknown, OrderVoided, ReferenceContradicted
from repositories.psyter_db.users import is_same_person
from tests.fakes.idempotency import FakeChanges


@dataclass(frozen=True, kw_only=True)
class Entry:
    organization_id: int
    booking_id: int
    kind: LedgerKind
    amount_minor: int


@dataclass
class FakePsyter:
    organizations: dict[int, Organization] = field(default_factory=dict)
    balances: dict[int, int] = field(default_factory=dict)
    ledger: list[Entry] = field(default_factory=list)
    users: dict[int, User] = field(default_factory=dict)
    providers: dict[int, CareProvider] = field(default_factory=dict)
    rates: dict[int, int] = field(default_factory=dict)
    orders: dict[int, Order] = field(default_factory=dict)  # by booking
    changes: dict[str, AmountChange | None] = field(default_factory=dict)  # by key; None: reverted
    changed_at: dict[int, datetime] = field(default_factory=dict)  # of an order, by booking
    deposits: dict[int, int] = field(default_factory=dict)
    settings: dict[SettingGroup, dict[str, str]] = field(default_factory=dict)
    keyed: FakeChanges = field(default_factory=FakeChanges)
    _failures: dict[str, list[tuple[Exception, bool]]] = field(default_factory=dict)

    # --- what tests arrange ------------------------------------------------------------------

    def add_organization(self, *, id: int, is_charity: bool, balance_minor: int) -> Organization:
        self.organizations[id] = Organization(
            id=id, name=f"Organization {id}", is_charity=is_charity, sealed_shared_api_key="sealed"
        )
        self.balances[id] = self.deposits[id] = balance_minor
        return self.organizations[id]

    def add_provider(self, *, id: int, hourly_rate_minor: int) -> CareProvider:
        self.providers[id] = CareProvider(
            id=id, full_name_plang="Dr. Sarah Ahmed", full_name_slang="د. سارة أحمد", time_zone="Asia/Riyadh"
        )
        self.rates[id] = hourly_rate_minor
        return self.providers[id]

    def fail_next(self, method: str, error: Exception, *, after_commit: bool = False) -> None:
        self._failures.setdefault(method, []).append((error, after_commit))

    def balance(self, organization_id: int) -> int:
        return self.balances[organization_id]

    # --- Organizations -----------------------------------------------------------------------

    def find_organization(self, organization_id: int) -> Organization | None:
        return self.organizations.get(organization_id)

    def is_reachable(self) -> bool:
        return True

    # --- Users -------------------------------------------------------------------------------

    def find_user(self, user_id: int, *, organization_id: int) -> User | None:
        user = self.users.get(user_id)
        return user if user is not None and user.organization_id == organization_id else None

    def register(self, guest: Guest, *, organization_id: int, now: datetime) -> User:
        for user in self.users.values():
            if (user.organization_id, user.reference_id) == (organization_id, guest.reference_id):
                if not is_same_person(user, guest):
                    raise ReferenceContradicted
                return user
        user = User(
            id=len(self.users) + 1,
            organization_id=organization_id,
            reference_id=guest.reference_id,
            name=guest.name,
            dob=guest.dob,
            gender=guest.gender,
        )
        self.users[user.id] = user
        return user

    def register_once(self, guest: Guest, *, organization_id: int, key: IdempotencyKey | None, now: datetime) -> Change:
        def work() -> Sequence[int]:
            return [self.register(guest, organization_id=organization_id, now=now).id]

        return self.keyed.make(work, key=key, organization_id=organization_id, now=now)

    # --- CareProviders, AppSettings ----------------------------------------------------------

    def get_care_provider(self, care_provider_id: int) -> CareProvider:
        if care_provider_id not in self.providers:
            raise CareProviderUnknown
        return self.providers[care_provider_id]

    def group(self, group: SettingGroup) -> Mapping[str, str]:
        return self.settings.get(group, {})

    # --- Orders ------------------------------------------------------------------------------

    def save_order(
        self,
        *,
        booking_id: int,
        organization_id: int,
        user_id: int,
        care_provider_id: int,
        duration: timedelta,
        now: datetime,
    ) -> Order:
        failure = self._failure("save_order")
        order = self._saved(booking_id, organization_id, care_provider_id, duration)
        self.changed_at.setdefault(booking_id, now)
        if failure is not None:
            raise failure
        return order

    def void_order_if_present(self, booking_id: int, *, now: datetime) -> None:
        failure = self._failure("void_order_if_present")
        if (known := self.orders.get(booking_id)) is None or known.status is OrderStatus.OPEN:
            self.changed_at[booking_id] = now
        self._void(booking_id)
        if failure is not None:
            raise failure

    def _saved(self, booking_id: int, organization_id: int, care_provider_id: int, duration: timedelta) -> Order:
        if (order := self.orders.get(booking_id)) is not None:
            if order.status is OrderStatus.VOID:
                raise OrderVoided
            return order
        amount = self.rates[care_provider_id] * (duration // timedelta(minutes=1)) // 60
        is_charity = self.organizations[organization_id].is_charity
        order = Order(
            id=len(self.orders) + 1,
            booking_id=booking_id,
            status=OrderStatus.OPEN,
            amount_minor=amount,
            is_charged_to_balance=is_charity,
        )
        if is_charity:
            if self.balances[organization_id] < amount:
                raise BalanceOut
            self._enter(organization_id, booking_id, LedgerKind.DEBIT, amount)
        self.orders[booking_id] = order
        return order

    def _void(self, booking_id: int) -> None:
        order = self.orders.get(booking_id)
        if order is None:
            self.orders[booking_id] = Order(
                id=len(self.orders) + 1,
                booking_id=booking_id,
                status=OrderStatus.VOID,
                amount_minor=0,
                is_charged_to_balance=False,
            )
            return
        if order.status is OrderStatus.OPEN and order.is_charged_to_balance:
            self._enter(self._payer_of(booking_id), booking_id, LedgerKind.RESTORE, order.amount_minor)
        self.orders[booking_id] = replace(order, status=OrderStatus.VOID)

    def _payer_of(self, booking_id: int) -> int:
        return next(entry.organization_id for entry in self.ledger if entry.booking_id == booking_id)

    # --- OrderChanges ------------------------------------------------------------------------

    def change_amount(self, booking_id: int, *, change_key: str, duration: timedelta, now: datetime) -> AmountChange:
        failure = self._failure("change_amount")
        change = self._changed(booking_id, change_key, duration, now)
        if failure is not None:
            raise failure
        return change

    def revert_change_if_present(self, booking_id: int, *, change_key: str, now: datetime) -> None:
        failure = self._failure("revert_change_if_present")
        change = self.changes.get(change_key)
        self.changes[change_key] = None
        order = self.orders[booking_id]
        if change is not None and (order.status, order.amount_minor) == (OrderStatus.OPEN, change.after_minor):
            self._set_amount(order, change.before_minor, now)
        if failure is not None:
            raise failure

    def _changed(self, booking_id: int, change_key: str, duration: timedelta, now: datetime) -> AmountChange:
        order = self.orders[booking_id]
        if change_key in self.changes:
            made = self.changes[change_key]
            if made is None:
                raise OrderVoided
            return made
        if order.status is OrderStatus.VOID:
            raise OrderVoided
        change = AmountChange(
            before_minor=order.amount_minor,
            after_minor=price_of(duration, hourly_rate_minor=next(iter(self.rates.values()))),
        )
        self._set_amount(order, change.after_minor, now)
        self.changes[change_key] = change
        return change

    def _set_amount(self, order: Order, amount: int, now: datetime) -> None:
        more = amount - order.amount_minor
        if order.is_charged_to_balance and more:
            payer = self._payer_of(order.booking_id)
            if self.balances[payer] < more:
                raise BalanceOut
            kind = LedgerKind.DEBIT if more > 0 else LedgerKind.RESTORE
            self._enter(payer, order.booking_id, kind, abs(more))
        self.orders[order.booking_id] = replace(order, amount_minor=amount)
        self.changed_at[order.booking_id] = now

    def _enter(self, organization_id: int, booking_id: int, kind: LedgerKind, amount: int) -> None:
        sign = -1 if kind is LedgerKind.DEBIT else 1
        self.balances[organization_id] += sign * amount
        entry = Entry(organization_id=organization_id, booking_id=booking_id, kind=kind, amount_minor=amount)
        self.ledger.append(entry)

    def _failure(self, method: str) -> Exception | None:
        """The failure planned for this call: raised now, or returned to be raised after the commit."""
        planned = self._failures.get(method)
        if not planned:
            return None
        error, after_commit = planned.pop(0)
        if not after_commit:
            raise error
        return error
