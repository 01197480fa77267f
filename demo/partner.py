"""A partner organization as a client sees it: gets a token, signs, books, asks for the status."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import requests

from api.security.secure_hash import secure_hash

TIMEOUT = 30  # seconds


@dataclass
class Partner:
    base_url: str
    access_key: str = field(repr=False)
    shared_api_key: str = field(repr=False)
    session: requests.Session = field(default_factory=requests.Session, repr=False)
    refresh_token: str = field(default="", repr=False)

    def sign_in(self) -> None:
        self._take_tokens("token", {"grant_type": "password", "access_key": self.access_key})

    def refresh(self) -> None:
        """New tokens for the refresh token, before the access token expires."""
        self._take_tokens("refresh", {"refresh_token": self.refresh_token})

    def sign_out(self) -> None:
        """End both tokens, at once and everywhere."""
        wish = {"token": self.refresh_token, "access_key": self.access_key}
        self.session.post(f"{self.base_url}/api/v1/auth/revoke", json=wish, timeout=TIMEOUT).raise_for_status()

    def _take_tokens(self, way: str, wish: Mapping[str, str]) -> None:
        answer = self.session.post(f"{self.base_url}/api/v1/auth/{way}", json=wish, timeout=TIMEOUT)
        answer.raise_for_status()
        tokens = answer.json()
        self.refresh_token = tokens["refresh_token"]
        self.session.headers["Authorization"] = f"Bearer {tokens['access_token']}"

    def book(self, body: Mapping[str, Any], *, headers: Mapping[str, str] | None = None) -> requests.Response:
        return self.session.post(
            f"{self.base_url}/api/v1/sessionbooking/booksession",
            json=self.signed(body),
            headers=dict(headers or {}),
            timeout=TIMEOUT,
        )

    def search(self, body: Mapping[str, Any]) -> requests.Response:
        return self.session.post(
            f"{self.base_url}/api/v1/careprovider/getcareproviderslistwithschedule",
            json=dict(body),
            timeout=TIMEOUT,
        )

    def schedule(self, body: Mapping[str, Any]) -> requests.Response:
        return self.session.post(
            f"{self.base_url}/api/v1/careprovider/getcareproviderschedule", json=dict(body), timeout=TIMEOUT
        )

    def command(
        self, path: str, body: Mapping[str, Any], *, headers: Mapping[str, str] | None = None
    ) -> requests.Response:
        """Any signed command, such as `user/register`."""
        return self.session.post(
            f"{self.base_url}/api/v1/{path}", json=self.signed(body), headers=dict(headers or {}), timeout=TIMEOUT
        )

    def read(self, path: str, **query: Any) -> requests.Response:
        """Any read, such as `user/bookings`."""
        return self.session.get(f"{self.base_url}/api/v1/{path}", params=query, timeout=TIMEOUT)

    def signed(self, body: Mapping[str, Any]) -> dict[str, Any]:
        return {**body, "secureHash": secure_hash(body, self.shared_api_key)}

    def cancel(self, body: Mapping[str, Any], *, headers: Mapping[str, str] | None = None) -> requests.Response:
        return self.session.post(
            f"{self.base_url}/api/v1/sessionbooking/cancelbooking",
            json=self.signed(body),
            headers=dict(headers or {}),
            timeout=TIMEOUT,
        )

    def reschedule(self, body: Mapping[str, Any], *, headers: Mapping[str, str] | None = None) -> requests.Response:
        return self.session.post(
            f"{self.base_url}/api/v1/sessionbooking/reschedulebooking",
            json=self.signed(body),
            headers=dict(headers or {}),
            timeout=TIMEOUT,
        )

    def status(self, booking_id: str, *, headers: Mapping[str, str] | None = None) -> requests.Response:
        return self.session.get(
            f"{self.base_url}/api/v1/sessionbooking/getbookingstatus/{booking_id}",
            headers=dict(headers or {}),
            timeout=TIMEOUT,
        )

    def close(self) -> None:
        self.session.close()
