"""secureHash: how a partner signs the fields of a request. The rule and test vectors: docs/how-to/secure-hash.md."""

import hmac
from collections.abc import Iterator, Mapping


def secure_hash(fields: Mapping[str, object], key: str) -> str:
    """HMAC-SHA256 under the SharedAPIKey over `name=value` pairs sorted by name and joined by `&`, lower-case hex."""
    pairs = (f"{name}={value}" for name, value in sorted(_leaves(fields)))
    return hmac.digest(key.encode(), "&".join(pairs).encode(), "sha256").hex()


def is_secure_hash(given: str, fields: Mapping[str, object], key: str) -> bool:
    """Whether `given` signs `fields`; takes as long for a near miss as for a far one."""
    return hmac.compare_digest(given.encode(errors="replace"), secure_hash(fields, key).encode())


def _leaves(value: object, path: str = "") -> Iterator[tuple[str, str]]:
    """Every value that is not null, by its path: `userId`, `answers.0.answerText`."""
    if isinstance(value, Mapping | list):
        for name, inner in value.items() if isinstance(value, Mapping) else enumerate(value):
            yield from _leaves(inner, f"{path}.{name}" if path else str(name))
    elif value is not None:
        yield path, _written(value)


def _written(value: object) -> str:
    """Booleans and numbers as JSON writes them, texts as they are."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    raise TypeError(f"secureHash has no rule for {type(value).__name__}")
