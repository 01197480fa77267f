"""Receives Tahoon's webhooks: verify first, then note the webhook-id, then work.

    SECRET=whsec_... python docs/examples/receive_webhooks.py 9000

Needs nothing but Python. Behind https in production: Tahoon sends to nothing else.
"""

import base64
import hmac
import json
import os
import sys
import time
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import ClassVar

TOLERANCE = 300  # seconds that webhook-timestamp may be off: an old request is not to be played again


def verified(secret: str, headers: Mapping[str, str], body: bytes) -> bool:
    """Whether Tahoon sent exactly this body, within the last minutes. `headers` by their lower-case names."""
    message_id, stamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not stamp.isdigit() or abs(time.time() - int(stamp)) > TOLERANCE:
        return False
    content = f"{message_id}.{stamp}.".encode() + body
    key = base64.b64decode(secret.removeprefix("whsec_"))
    expected = "v1," + base64.b64encode(hmac.digest(key, content, "sha256")).decode()
    given = headers.get("webhook-signature", "").split(" ")  # two, while a secret is being changed
    return any(hmac.compare_digest(expected.encode(), one.encode()) for one in given)


class Receiver(BaseHTTPRequestHandler):
    seen: ClassVar[set[str]] = set()  # keep yours in your database, in the transaction of what you do about the event

    def do_POST(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        body = self.rfile.read(int(headers.get("content-length", "0")))
        if not verified(os.environ["SECRET"], headers, body):
            self.send_response(401)
        elif headers["webhook-id"] in self.seen:
            self.send_response(204)  # again: nothing to do
        else:
            event = json.loads(body)
            print(event["type"], json.dumps(event["data"]), flush=True)
            self.seen.add(headers["webhook-id"])
            self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


if __name__ == "__main__":
    HTTPServer(("127.0.0.1", int(sys.argv[1])), Receiver).serve_forever()
