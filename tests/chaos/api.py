"""The product's own API, watched: a request says whose points it passes, and which id a new saga is to have."""

import os
from collections.abc import Iterator
from pathlib import Path

from flask import Flask, g, has_request_context, request

import bootstrap
from repositories.engines.together import Together
from tests.chaos.hooks import Watch
from tests.chaos.script import Script

WALKS, STARTS = "X-Walks-Saga", "X-Starts-Saga"


def subject() -> str | None:
    return request.headers.get(WALKS) if has_request_context() else None


def given_ids() -> Iterator[str]:
    """The ids that this request names, one after the other."""
    if "ids" not in g:
        g.ids = iter(request.headers.get(STARTS, "").split(","))
    ids: Iterator[str] = g.ids
    return ids


def create_app() -> Flask:
    Together.most = 1  # a commit that several requests share would be a point of one of them only
    Watch(Script(Path(os.environ["CHAOS_FOLDER"])), subject, "api").install()
    made_up = bootstrap.new_saga_id
    bootstrap.new_saga_id = lambda: next(given_ids(), None) or made_up()
    return bootstrap.build_api()
