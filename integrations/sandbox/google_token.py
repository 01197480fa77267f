"""Google's OAuth token endpoint for service accounts (RFC 7523)."""

import secrets
import time
from collections.abc import Callable
from typing import Any

import jwt
from flask import Flask, jsonify, request

from integrations.sandbox.memory import Memory

GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
GOOGLES_OWN = "https://oauth2.googleapis.com/token"
LIFETIME = 3600  # seconds

Route = Callable[[str], Callable[[Callable[..., Any]], Callable[..., Any]]]


def add_token_route(app: Flask, memory: Memory, route: Route) -> None:
    @app.post("/token")
    @route("google.token")
    def token() -> Any:
        if request.form.get("grant_type") != GRANT:
            return jsonify(error="unsupported_grant_type"), 400
        if not _is_sound(request.form.get("assertion", ""), request.base_url):
            return jsonify(error="invalid_grant", error_description="Invalid JWT."), 400
        access_token = f"sandbox-{secrets.token_urlsafe(24)}"
        with memory.lock:
            memory.tokens.add(access_token)
        return jsonify(access_token=access_token, expires_in=LIFETIME, token_type="Bearer")  # noqa: S106


def _is_sound(assertion: str, audience: str) -> bool:
    """Form, audience and age; the signature is not checked, since any throwaway account may ask."""
    try:
        claims = jwt.decode(assertion, options={"verify_signature": False})
    except jwt.PyJWTError:
        return False
    now = time.time()
    is_for_us = claims.get("aud") in {audience, GOOGLES_OWN}  # google-auth names Google's, whatever the token_uri
    return is_for_us and claims.get("iat", now + 100) <= now + 60 and claims.get("exp", 0) > now
