"""A partner's whole way: sign in, find a free slot, book it, wait for the outcome, and cancel it again.

    TAHOON_API=http://127.0.0.1:8000 ACCESS_KEY=... SHARED_API_KEY=... python book_a_session.py

Needs nothing of Tahoon, only `requests`. Ends with exit code 1 where an answer is not what a partner wants.
"""

import hashlib
import hmac
import json
import os
import sys
import uuid
from datetime import UTC, datetime
from typing import Any

import requests

API = os.environ.get("TAHOON_API", "http://127.0.0.1:8000") + "/api/v1"
TIMEOUT = 30  # seconds


class Refused(Exception):
    """Tahoon said no; the message has its reason."""


def sign(body: dict[str, Any], shared_api_key: str) -> dict[str, Any]:
    """The body with its secureHash: HMAC-SHA256 over `name=value` pairs, sorted by name and joined by `&`."""
    written = {name: value if isinstance(value, str) else json.dumps(value) for name, value in body.items()}
    text = "&".join(f"{name}={written[name]}" for name in sorted(written))
    return {**body, "secureHash": hmac.new(shared_api_key.encode(), text.encode(), hashlib.sha256).hexdigest()}


class Tahoon:
    def __init__(self, access_key: str, shared_api_key: str) -> None:
        self.shared_api_key = shared_api_key
        self.session = requests.Session()
        token = self._asked("POST", "/auth/token", data={"grant_type": "client_credentials", "access_key": access_key})
        self.session.headers["Authorization"] = f"Bearer {token['access_token']}"

    def free_slot(self) -> dict[str, Any]:
        """The earliest free slot there is, with the fields that booksession takes."""
        wish = {"scheduleDate": f"{datetime.now(UTC):%Y-%m-%d}", "page": 1, "pageSize": 1}
        found = self._asked("POST", "/careprovider/getcareproviderslistwithschedule", json=wish)
        provider = found["careProvidersList"][0]
        slot = provider["availableSlotsList"][0]
        named = ("applicationMultiSlotId", "slotDate", "slotStartTime", "slotEndTime")
        return {"careProviderId": provider["userLoginInfoId"], **{name: slot[name] for name in named}}

    def book(self, slot: dict[str, Any], guest: dict[str, Any]) -> dict[str, Any]:
        """Book the slot for the guest. A request that got no answer may be sent again: its key books once."""
        body = sign({**slot, **guest, "catCommunicationTypeId": 1}, self.shared_api_key)
        headers = {"Idempotency-Key": str(uuid.uuid4())}
        accepted: dict[str, Any] = self._asked("POST", "/sessionbooking/booksession", json=body, headers=headers)
        return accepted["data"]  # type: ignore[no-any-return]

    def outcome(self, booking_id: str) -> dict[str, Any]:
        """The booking once it is no longer pending (6); each request waits up to ten seconds."""
        while True:
            path = f"/sessionbooking/getbookingstatus/{booking_id}"
            status = self._asked("GET", path, headers={"Prefer": "wait=10"})
            if status["bookingStatus"] != 6:
                return status

    def cancel(self, booking: dict[str, Any], care_provider_id: str) -> dict[str, Any]:
        body = {
            "bookingId": booking["bookingId"],
            "userId": booking["userId"],
            "careProviderId": care_provider_id,
            "cancellationReason": "an example only",
        }
        answer = self._asked("POST", "/sessionbooking/cancelbooking", json=sign(body, self.shared_api_key))
        return answer["data"]  # type: ignore[no-any-return]

    def _asked(self, method: str, path: str, **sent: Any) -> dict[str, Any]:
        answer = self.session.request(method, API + path, timeout=TIMEOUT, **sent)
        body: dict[str, Any] = answer.json()
        if answer.status_code >= 400 or body.get("status") == 0:  # some refusals answer 200: look at `status`
            raise Refused(f"{path}: HTTP {answer.status_code}, reason {body.get('reason')}: {body.get('message')}")
        return body


def main() -> None:
    tahoon = Tahoon(os.environ["ACCESS_KEY"], os.environ["SHARED_API_KEY"])
    slot = tahoon.free_slot()
    print(f"free       {slot['slotDate']} {slot['slotStartTime']}")
    guest = {"referenceId": "EXAMPLE-1", "name": "John Doe", "dob": "1990-05-15", "genderType": 1}
    booking = tahoon.book(slot, guest)
    print(f"accepted   {booking['bookingId']}")
    status = tahoon.outcome(booking["bookingId"])
    if status["bookingStatus"] != 1:
        sys.exit(f"not booked: {status['message']} ({status['failedStep']})")
    print(f"confirmed  meeting {status['meetingId']}")
    cancelled = tahoon.cancel(booking, slot["careProviderId"])
    print(f"cancelled  bookingStatus {cancelled['bookingStatus']}")


if __name__ == "__main__":
    main()
