"""secureHash of a request: the fields that the partner signed, checked under its SharedAPIKey."""

from collections.abc import Mapping
from typing import Any

from api.auth import Caller
from api.errors import SecureHashWrong
from api.security.secure_hash import is_secure_hash

SECURE_HASH = "secureHash"


def check_secure_hash(body: Mapping[str, Any], who: Caller) -> None:
    """Raises SecureHashWrong unless the partner signed exactly these fields."""
    hashed = {name: value for name, value in body.items() if name != SECURE_HASH}
    if not is_secure_hash(body[SECURE_HASH], hashed, who.shared_api_key()):
        raise SecureHashWrong
