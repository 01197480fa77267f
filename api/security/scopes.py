"""What a caller may do: fine scopes, and the roles that stand for sets of them."""

from collections.abc import Iterable
from enum import StrEnum

from repositories.enums import Role


class Scope(StrEnum):
    USERS_READ = "users:read"
    USERS_WRITE = "users:write"
    ASSESSMENTS_READ = "assessments:read"
    ASSESSMENTS_WRITE = "assessments:write"
    PROVIDERS_READ = "providers:read"
    AVAILABILITY_WRITE = "availability:write"  # of the providers that the organization manages
    BOOKINGS_READ = "bookings:read"
    BOOKINGS_WRITE = "bookings:write"
    RECORDINGS_READ = "recordings:read"
    EVENTS_READ = "events:read"
    WEBHOOKS_READ = "webhooks:read"
    WEBHOOKS_WRITE = "webhooks:write"
    AUDIT_READ = "audit:read"
    USERS_EXPORT = "users:export"  # all that is known of one
    USERS_ERASE = "users:erase"


BY_GRANT_ONLY = frozenset(
    {Scope.AVAILABILITY_WRITE, Scope.RECORDINGS_READ, Scope.USERS_EXPORT, Scope.USERS_ERASE}
)  # no role brings these
READING = frozenset(scope for scope in Scope if scope.endswith(":read")) - BY_GRANT_ONLY
SCOPES_OF: dict[Role, frozenset[Scope]] = {
    Role.READ_ONLY: READING,
    Role.FULL_ACCESS: frozenset(Scope) - BY_GRANT_ONLY,
}
WORDS = frozenset(scope.value for scope in Scope)


def in_words(scopes: Iterable[Scope]) -> str:
    """Scopes as RFC 6749 3.3 writes them: words with a blank between, in the order in which we list them."""
    wanted = set(scopes)
    return " ".join(scope for scope in Scope if scope in wanted)


def known_in(words: str) -> frozenset[Scope]:
    """The scopes that `words` name; a word that names none (any more) grants nothing."""
    return frozenset(Scope(word) for word in words.split() if word in WORDS)
