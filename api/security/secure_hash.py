"""secureHash: a partner signs the fields of a request with its SharedAPIKey.

HMAC-SHA256 under the SharedAPIKey (UTF-8), lower-case hex, over `name=value` pairs joined by `&`, sorted by wire name
in code-point order; null fields left out, booleans `true` or `false`, numbers as JSON writes them, texts as sent.
Rules and test vectors: docs/how-to/secure-hash.md.
"""

import hmac
import json
from collections.abc import Mapping


def secure_hash(fields: Mapping[str, object], shared_api_key: str) -> str:
    """The hash of these fields, by wire name and with the values as sent."""
    pairs = (f"{name}={_word(fields[name])}" for name in sorted(fields) if fields[name] is not None)
    return hmac.digest(shared_api_key.encode(), "&".join(pairs).encode(), "sha256").hex()


def is_secure_hash(given: str, fields: Mapping[str, object], shared_api_key: str) -> bool:
    """Whether `given` is the hash of these fields; compared in constant time."""
    return hmac.compare_digest(given.encode(), secure_hash(fields, shared_api_key).encode())


def _word(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))
