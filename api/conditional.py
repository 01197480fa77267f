"""Answers that a client may keep: an ETag of what they say, and 304 to whoever knows it."""

import hashlib

from flask import Response, request
from werkzeug.wrappers import Response as BaseResponse


def conditional(answer: Response, *, cache_control: str) -> BaseResponse:
    answer.set_etag(hashlib.sha256(answer.get_data()).hexdigest()[:32])
    answer.headers["Cache-Control"] = cache_control
    return answer.make_conditional(request)
