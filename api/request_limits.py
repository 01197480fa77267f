"""How large a request may be. Its line and headers are limited before it gets here: api/gunicorn_worker.py."""

from flask import Flask, request
from werkzeug.exceptions import BadRequest, HTTPException, RequestEntityTooLarge

from api.contract import LARGEST_BODY, contract_of


def add_request_limits(app: Flask) -> None:
    """A body that says how large it is, is refused unread; one that comes in chunks, as soon as it is too large."""

    @app.before_request
    def refuse_large_body() -> None:
        promise = contract_of(request.endpoint)
        largest = promise.largest_body if promise else LARGEST_BODY
        request.max_content_length = largest + 1  # a stream just ends there, without a word
        length = len(_chunks()) if "Transfer-Encoding" in request.headers else request.content_length or 0
        if length > largest:
            raise RequestEntityTooLarge


def _chunks() -> bytes:
    try:
        return request.get_data()
    except HTTPException:
        raise
    except Exception as error:  # the server's own, of chunks that make no sense
        raise BadRequest from error
