"""The route that VideoSDK reports to, with fakes behind it."""

import pytest

from api.routes.meeting_reports import LARGEST, PATH
from api.security.id_cipher import IdKind
from integrations.ports import ProviderUnavailable, ReportMalformed, RoomReport
from repositories.enums import Reason, ReportStatus
from saga.meeting_reports import TASK
from tests.unit.api.world import CIPHER, PROVIDER, USER, World

BODY = b'{"webhookType": "participant-joined"}'
JOINED = RoomReport(kind="participant-joined", meeting_id="abcd-efgh-ijkl", session_id="s-1", participant_id="p")


@pytest.fixture
def world() -> World:
    world = World()
    world.reports.known[BODY] = JOINED
    return world


def sent(world: World, body: bytes = BODY, signature: str | None = "good") -> tuple[int, int | None]:
    headers = {} if signature is None else {"videosdk-signature": signature}
    answer = world.client.post(PATH, data=body, headers=headers)
    return answer.status_code, (answer.json or {}).get("reason") if answer.status_code >= 400 else None


def test_a_webhook_of_videosdk_is_kept_and_rung_for(world: World) -> None:
    assert sent(world) == (204, None)
    assert world.inbox.count_reports()[ReportStatus.WAITING] == 1
    assert world.nudged == [(TASK, "1")]


def test_a_repeat_is_answered_alike(world: World) -> None:
    assert [sent(world), sent(world)] == [(204, None)] * 2
    assert len(world.nudged) == 1


@pytest.mark.parametrize("signature", [None, "", "forged"])
def test_what_videosdk_did_not_sign_is_refused_and_not_kept(world: World, signature: str | None) -> None:
    assert sent(world, signature=signature) == (403, Reason.WEBHOOK_SIGNATURE_WRONG)
    assert world.inbox.rows == {}


def test_what_cannot_be_verified_now_is_to_be_sent_again(world: World) -> None:
    world.reports.failure = ProviderUnavailable("down", may_have_happened=False)
    assert sent(world) == (503, Reason.SERVICE_UNAVAILABLE)
    answer = world.client.post(PATH, data=BODY)
    assert answer.headers["Retry-After"]


def test_what_makes_no_sense_is_refused(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def malformed(_body: bytes, *, signature: str | None) -> RoomReport:
        raise ReportMalformed

    monkeypatch.setattr(world.reports, "read", malformed)
    assert sent(world) == (400, Reason.MALFORMED_BODY)


def test_a_body_that_is_too_large_is_refused_unread(world: World) -> None:
    assert sent(world, b"x" * (LARGEST + 1)) == (413, Reason.BODY_TOO_LARGE)


def test_one_address_has_a_limit_of_its_own() -> None:
    world = World(per_minute={**World().per_minute, "report": 2})
    world.reports.known[BODY] = JOINED
    assert [sent(world)[0] for _ in range(3)] == [204, 204, 429]


@pytest.mark.parametrize(
    ("participant_id", "kept"),
    [
        (CIPHER.encrypt(IdKind.USER, USER), f"user:{USER}"),
        (CIPHER.encrypt(IdKind.CARE_PROVIDER, PROVIDER), f"provider:{PROVIDER}"),
        (CIPHER.encrypt(IdKind.BOOKING, USER), "other:"),
        ("سارة", "other:"),
    ],
    ids=["user", "provider", "booking", "name"],
)
def test_only_ids_that_we_gave_out_for_joining_are_kept(participant_id: str, kept: str) -> None:
    world = World()
    world.reports.known[BODY] = RoomReport(
        kind="participant-joined", meeting_id="abcd-efgh-ijkl", session_id="s-1", participant_id=participant_id
    )
    sent(world)
    (row,) = world.inbox.rows.values()
    assert row.report.participant.startswith(kept)
    assert participant_id not in repr(row)
