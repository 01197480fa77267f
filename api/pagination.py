"""Pages of lists, and cursors: where a list goes on, as partners see it.

A cursor is opaque and tamper-evident: Base64URL(AES-256-SIV(position)), authenticated together with the list, the
organization and the filters it was given out for, and worthless for any other. The same place has always the same text.
"""

import base64
import hmac
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Generic, TypeVar

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

T = TypeVar("T")

Position = tuple[int | str | datetime, ...]  # the values that a list is sorted by, of the last line given
LONGEST = 1000  # letters; a position is a few numbers
INSTANT = "at"  # how an instant is told from a text


class CursorWrong(Exception):
    """This cursor was not given out for this list and these filters."""

    field = "cursor"


@dataclass(frozen=True, kw_only=True)
class Listing:
    """What a cursor is good for: one list of one organization, under the same filters."""

    name: str
    organization_id: int
    filters: Mapping[str, object]


@dataclass(frozen=True, kw_only=True)
class Page(Generic[T]):
    lines: Sequence[T]
    next_cursor: str | None  # None: there is nothing more


class Cursors:
    """Turns positions into cursors and back."""

    def __init__(self, key: str) -> None:
        self._siv = AESSIV(hmac.digest(key.encode(), b"tahoon/cursor/v1", "sha512"))

    def write(self, position: Position, *, of: Listing) -> str:
        plain = _compact([_tagged(value) for value in position])
        return base64.urlsafe_b64encode(self._siv.encrypt(plain, _bound_to(of))).rstrip(b"=").decode()

    def read(self, cursor: str, *, of: Listing) -> Position:
        """The position. Raises CursorWrong."""
        if len(cursor) > LONGEST or not cursor.isascii():
            raise CursorWrong
        try:
            sealed = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
            position = tuple(_untagged(value) for value in json.loads(self._siv.decrypt(sealed, _bound_to(of))))
        except (ValueError, InvalidTag) as error:
            raise CursorWrong from error
        if self.write(position, of=of) != cursor:  # Base64 has several spellings, we gave out one
            raise CursorWrong
        return position

    def page(self, found: Sequence[T], *, limit: int, position_of: Callable[[T], Position], of: Listing) -> Page[T]:
        """The first `limit` of what was found; whoever reads asks for one more, to know whether the list goes on."""
        lines = found[:limit]
        goes_on = len(found) > limit
        return Page(lines=lines, next_cursor=self.write(position_of(lines[-1]), of=of) if goes_on else None)


def _bound_to(listing: Listing) -> list[bytes]:
    return [listing.name.encode(), str(listing.organization_id).encode(), _compact(listing.filters)]


def _compact(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), default=_written).encode()


def _written(value: object) -> str:
    """A filter that JSON does not know."""
    if isinstance(value, date | datetime):
        return value.isoformat()
    raise TypeError(f"a filter of type {type(value).__name__}")


def _tagged(value: int | str | datetime) -> Any:
    return {INSTANT: value.astimezone(UTC).isoformat()} if isinstance(value, datetime) else value


def _untagged(value: Any) -> int | str | datetime:
    found: int | str | datetime = datetime.fromisoformat(value[INSTANT]) if isinstance(value, dict) else value
    return found
