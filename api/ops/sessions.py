"""Sessions of the console: a signed cookie, good until it is idle too long, too old, or its account was changed.

The cookie says who, under which generation of the account, and when; what the account may do is read anew each time.
"""

import hashlib
import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from itsdangerous import BadData, URLSafeSerializer
from werkzeug.security import check_password_hash, generate_password_hash

from repositories.entities.operators import OperatorAccount
from repositories.ports.operators import OperatorAccounts

NOBODY = (  # checked for names that are not known
    "scrypt:32768:8:1$AsT397aGtrmQ4o3s$"
    "48f08ac4c454e53f9c364399526a5b60a64439a7611b518bc3b2db8c64b67396"
    "5cc85c9033a7d3d4d089dea8469e70bb17525ac6a287d1662d2302d32a68078c"
)
SHORTEST_PASSWORD, LONGEST_PASSWORD = 12, 200  # characters
RENEWED_AFTER = timedelta(seconds=30)  # a cookie younger than this is not written anew


class SignInRefused(Exception):
    """The name or the password is not right, or the account is disabled."""


class NoSession(Exception):
    """Sign in first."""


@dataclass(frozen=True, kw_only=True)
class Session:
    """What a cookie says, once it was found to be ours and in force."""

    account: OperatorAccount
    begun_at: datetime
    seen_at: datetime
    nonce: str


@dataclass(frozen=True, kw_only=True)
class Sessions:
    accounts: OperatorAccounts
    key: str
    idle: timedelta
    lifetime: timedelta
    is_secure: bool  # whether the cookie travels over HTTPS only
    clock: Callable[[], datetime]

    def check(self, name: str, password: str) -> OperatorAccount:
        """Whose name and password these are; takes as long for a name that nobody has. Raises SignInRefused."""
        account = self.accounts.find_account(name)
        is_right = check_password_hash(NOBODY if account is None else account.password_hash, password)
        if account is None or not is_right or account.disabled_at is not None:
            raise SignInRefused
        return account

    def begin(self, account: OperatorAccount) -> Session:
        now = self.clock()
        self.accounts.note_sign_in(account.id, now=now)
        return Session(account=account, begun_at=now, seen_at=now, nonce=secrets.token_hex(16))

    def sign_out(self, session: Session) -> None:
        """End every session of this account, wherever its cookie is."""
        self.accounts.end_sessions(session.account.id)

    def write(self, session: Session) -> str:
        kept = (session.account.id, session.account.generation, _number(session.begun_at), _number(session.seen_at))
        return str(self._serializer.dumps([*kept, session.nonce]))

    def read(self, cookie: str) -> Session:
        """Raises NoSession."""
        try:
            account_id, generation, begun, seen, nonce = self._serializer.loads(cookie)
        except (BadData, ValueError) as error:
            raise NoSession from error
        account = self.accounts.account_of(account_id)
        if account is None or account.disabled_at is not None or account.generation != generation:
            raise NoSession
        session = Session(account=account, begun_at=_instant(begun), seen_at=_instant(seen), nonce=nonce)
        if not self._is_in_force(session):
            raise NoSession
        return session

    def seen(self, session: Session) -> Session | None:
        """The session with its idle time beginning anew, if that is worth a new cookie."""
        now = self.clock()
        return replace(session, seen_at=now) if now - session.seen_at >= min(RENEWED_AFTER, self.idle / 4) else None

    def form_token(self, session: Session) -> str:
        """What every form of this session carries, and no other site can know."""
        return hmac.digest(
            self.key.encode(), f"tahoon/ops/form {session.account.id} {session.nonce}".encode(), "sha256"
        ).hex()

    def is_form_token(self, given: str, session: Session) -> bool:
        return hmac.compare_digest(given.encode(), self.form_token(session).encode())

    def _is_in_force(self, session: Session) -> bool:
        now = self.clock()
        return now - session.seen_at < self.idle and now - session.begun_at < self.lifetime

    @property
    def _serializer(self) -> Any:
        return URLSafeSerializer(
            self.key, salt="tahoon/ops/session/v1", signer_kwargs={"digest_method": hashlib.sha256}
        )


def hashed(password: str) -> str:
    """As it is kept: scrypt, salted."""
    return generate_password_hash(password, method="scrypt")


def _number(at: datetime) -> int:
    return int(at.timestamp())


def _instant(number: int) -> datetime:
    return datetime.fromtimestamp(number, UTC)
