"""Who is calling. Every route is closed unless its view says `@public`; whatever changes something needs FullAccess."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import structlog
from flask import Flask, current_app, g, request

from api.errors import Forbidden, Unauthenticated
from api.security.jwt_tokens import TokenInvalid
from api.security.sealing import SealBroken
from api.services import services
from repositories.enums import Role

View = TypeVar("View", bound=Callable[..., Any])

READING = {"GET", "HEAD", "OPTIONS"}


@dataclass(frozen=True, kw_only=True)
class Caller:
    organization_id: int
    role: Role
    sealed_shared_api_key: str = field(repr=False)

    def shared_api_key(self) -> str:
        """Raises TokenInvalid if it was sealed under a key that is no longer ours."""
        try:
            return services().sealer.unseal(self.sealed_shared_api_key)
        except SealBroken as error:
            raise TokenInvalid from error


def public(view: View) -> View:
    """Open this route to callers without a token."""
    view.is_public = True  # type: ignore[attr-defined]
    return view


def is_public(endpoint: str | None) -> bool:
    return endpoint is not None and getattr(current_app.view_functions.get(endpoint), "is_public", False)


def caller() -> Caller:
    """The organization that calls, once the token was checked."""
    known: Caller = g.caller
    return known


def close_every_route(app: Flask) -> None:
    @app.before_request
    def ask_who_is_calling() -> None:
        if request.endpoint is None or is_public(request.endpoint):
            return
        claims = services().tokens.verify(_bearer_token(), now=services().clock())
        g.caller = Caller(
            organization_id=claims.organization_id,
            role=claims.role,
            sealed_shared_api_key=claims.sealed_shared_api_key,
        )
        structlog.contextvars.bind_contextvars(organization_id=claims.organization_id)
        if request.method not in READING and claims.role is not Role.FULL_ACCESS:
            raise Forbidden


def _bearer_token() -> str:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Unauthenticated
    return token.strip()
