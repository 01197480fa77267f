"""The OpenAPI document, and Swagger UI on it, without a network."""

from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from flask import Blueprint, Response, current_app, jsonify, send_from_directory

from api.contract import Contract, Limit, contract
from api.openapi import document

OPEN = Contract(scope=None, limit=Limit.UNLIMITED, is_documented=False)
DIST = Path(str(files("flask_swagger_ui"))) / "dist"
PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>Tahoon API</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="stylesheet" href="/docs/swagger-ui.css"><link rel="icon" href="/docs/favicon-32x32.png">
</head><body><div id="swagger-ui"></div>
<script src="/docs/swagger-ui-bundle.js"></script><script src="/docs/start.js"></script></body></html>
"""
START = """SwaggerUIBundle({url: "/openapi.json", dom_id: "#swagger-ui", deepLinking: true, validatorUrl: null});
"""
POLICY = "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; frame-ancestors 'none'"
CACHED = "public, max-age=3600"


def blueprint() -> Blueprint:
    routes = Blueprint("docs", __name__)
    routes.get("/openapi.json")(openapi)
    routes.get("/docs")(page)
    routes.get("/docs/<name>")(part)
    return routes


@contract(OPEN)
def openapi() -> Response:
    """The OpenAPI 3.1 document."""
    answer = jsonify(_document())
    answer.headers["Cache-Control"] = CACHED
    return answer


@cache
def _document() -> dict[str, Any]:
    return document(current_app)


@contract(OPEN)
def page() -> Response:
    """Swagger UI."""
    return _for_browsers(Response(PAGE, mimetype="text/html"))


@contract(OPEN)
def part(name: str) -> Response:
    """A file that Swagger UI needs."""
    if name == "start.js":
        return _for_browsers(Response(START, mimetype="text/javascript"))
    return _for_browsers(send_from_directory(DIST, name))


def _for_browsers(answer: Response) -> Response:
    answer.headers["Content-Security-Policy"] = POLICY
    answer.headers["Cache-Control"] = CACHED
    return answer
