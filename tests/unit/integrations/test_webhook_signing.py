"""Signatures: the specification's own example, and the headers of a message."""

from datetime import UTC, datetime

from integrations.webhooks.signing import new_secret, sign, signed_headers

# The example of https://github.com/standard-webhooks/standard-webhooks and of its libraries' tests.
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
MESSAGE_ID, SECONDS, BODY = "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}'
SIGNATURE = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_the_example_of_the_specification() -> None:
    assert sign(SECRET, message_id=MESSAGE_ID, seconds=SECONDS, body=BODY) == SIGNATURE


def test_a_secret_without_its_prefix_is_the_same_secret() -> None:
    bare = SECRET.removeprefix("whsec_")
    assert sign(bare, message_id=MESSAGE_ID, seconds=SECONDS, body=BODY) == SIGNATURE


def test_two_secrets_sign_side_by_side() -> None:
    other = new_secret(lambda length: b"k" * length)
    now = datetime.fromtimestamp(SECONDS, UTC)
    headers = signed_headers([other, SECRET], message_id=MESSAGE_ID, body=BODY, now=now)
    assert headers["webhook-id"] == MESSAGE_ID
    assert headers["webhook-timestamp"] == str(SECONDS)
    first, second = headers["webhook-signature"].split(" ")
    assert second == SIGNATURE
    assert first == sign(other, message_id=MESSAGE_ID, seconds=SECONDS, body=BODY) != SIGNATURE


def test_a_secret_says_what_it_is_and_is_long_enough() -> None:
    assert new_secret(lambda length: b"\xff" * length) == "whsec_" + "/" * 42 + "8="
