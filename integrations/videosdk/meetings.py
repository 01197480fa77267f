"""What VideoSDK v2 knows of a meeting: whether it can be joined, and what was recorded of it."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote

from integrations.http import json_of
from integrations.ports import Recording
from integrations.videosdk.calls import NOT_THERE, VideoSdkCalls

VALIDATE, RECORDINGS = "validate room", "list recordings"
PER_PAGE = 50
MOST_PAGES = 20  # of one meeting's recordings


class VideoSdkMeetings:
    """The port VideoMeetings."""

    def __init__(self, calls: VideoSdkCalls) -> None:
        self._calls = calls

    def is_open(self, meeting_id: str) -> bool:
        path = f"/v2/rooms/validate/{quote(meeting_id, safe='')}"
        answer = self._calls.call(VALIDATE, "GET", path, fine=NOT_THERE)
        return answer.status not in NOT_THERE and json_of(VALIDATE, answer).get("disabled") is not True

    def recordings(self, meeting_id: str) -> tuple[Recording, ...]:
        return tuple(self._of_every_page(meeting_id))

    def _of_every_page(self, meeting_id: str) -> Iterator[Recording]:
        for page in range(1, MOST_PAGES + 1):
            path = f"/v2/recordings?roomId={quote(meeting_id, safe='')}&page={page}&perPage={PER_PAGE}"
            body = json_of(RECORDINGS, self._calls.call(RECORDINGS, "GET", path))
            yield from (recording_of(one) for one in _list(body.get("data")) if isinstance(one, dict))
            if page >= _whole(_dict(body.get("pageInfo")).get("lastPage"), 1):
                return


def recording_of(told: Mapping[str, Any]) -> Recording:
    """Read leniently: a recording that is being processed has no file yet."""
    file = _dict(told.get("file"))
    meta = _dict(file.get("meta"))
    return Recording(
        id=str(told.get("id", "")),
        session_id=_text(told.get("sessionId")),
        created_at=_instant(told.get("createdAt")),
        url=_text(file.get("fileUrl")),
        type=_text(file.get("type")),
        size_bytes=_whole(file.get("size"), None),
        seconds=_whole(meta.get("duration"), None),
        resolution=_text(_joined(meta.get("resolution"))),
        format=_text(meta.get("format")),
    )


def _joined(value: Any) -> Any:
    """`1280x720`, also where it is told as width and height."""
    if isinstance(value, dict):
        return f"{value.get('w', value.get('width'))}x{value.get('h', value.get('height'))}"
    return value


def _dict(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _whole(value: Any, otherwise: Any) -> Any:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return int(value) if is_number else otherwise


def _instant(value: Any) -> datetime | None:
    try:
        at = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return None
    return at if at.tzinfo is not None else None
