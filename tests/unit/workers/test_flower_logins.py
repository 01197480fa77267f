"""Who a header of HTTP Basic is; what Flower does with it is in tests/integration/system/test_flower.py."""

from base64 import b64encode

import pytest

from config import read_settings
from workers.flower import Login, login_of, passwords_of

PASSWORDS = {Login.VIEWER: "sees-and-touches-nothing", Login.OPERATOR: "steers:with-a-colon"}


def basic(credentials: str, scheme: str = "Basic") -> str:
    return f"{scheme} {b64encode(credentials.encode()).decode()}"


@pytest.mark.parametrize(
    ("header", "who"),
    [
        (basic("viewer:sees-and-touches-nothing"), Login.VIEWER),
        (basic("operator:steers:with-a-colon"), Login.OPERATOR),
        (basic("operator:steers:with-a-colon", "basic"), Login.OPERATOR),
        (basic("operator:sees-and-touches-nothing"), None),
        (basic("viewer:steers:with-a-colon"), None),
        (basic("viewer:"), None),
        (basic("viewer:sees-and-touches-nothing", "Bearer"), None),
        (basic("زائر:sees-and-touches-nothing"), None),
        ("Basic viewer:sees", None),
        ("Basic ü", None),
        ("Basic", None),
        ("", None),
    ],
)
def test_a_login_is_its_own_name_with_its_own_password(header: str, who: Login | None) -> None:
    assert login_of(header, PASSWORDS) is who


def test_flower_does_not_start_without_its_passwords_and_says_which() -> None:
    settings = read_settings({"TAHOON_SANDBOX": "1"})
    assert passwords_of(settings).keys() == set(Login)
    bare = read_settings(
        {
            **{f"TAHOON_{name}_KEY": name * 16 for name in ("ID", "JWT", "SEAL")},
            "TAHOON_AUDIT_KEY": "a" * 32,
            "TAHOON_OPS_KEY": "o" * 32,
            "TAHOON_PSYTER_DB_URL": "sqlite:///a.db",
            "TAHOON_SCHEDULING_DB_URL": "sqlite:///b.db",
            "TAHOON_REDIS_URL": "redis://queue",
            "TAHOON_FCM_SERVICE_ACCOUNT_FILE": "fcm.json",
            "TAHOON_FLOWER_VIEWER_PASSWORD": "v" * 16,
        }
    )
    with pytest.raises(SystemExit, match="TAHOON_FLOWER_OPERATOR_PASSWORD"):
        passwords_of(bare)
