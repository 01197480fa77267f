"""VideoSDK's webhooks: sent when one asks for them, signed, or wrongly signed, as often and in the order one likes."""

import base64
import json
from functools import cached_property
from typing import Any

import urllib3
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from flask import Flask, jsonify, request
from marshmallow import Schema, ValidationError, fields, validate

from integrations.sandbox.memory import Memory, Room
from integrations.sandbox.videosdk import Route

SIGNED, FORGED, TAMPERED, UNSIGNED = "signed", "forged", "tampered", "unsigned"
TIMEOUT = 10  # seconds


class Signer:
    """Key pairs of the sandbox's own: VideoSDK's, and a forger's. Made when they are first needed."""

    @cached_property
    def own(self) -> RSAPrivateKey:
        return generate_private_key(65537, 2048)

    @cached_property
    def forgers(self) -> RSAPrivateKey:
        return generate_private_key(65537, 2048)

    def change_key(self) -> None:
        self.own = generate_private_key(65537, 2048)

    def public_pem(self) -> str:
        """As VideoSDK serves it: PKCS #1, with blank lines around."""
        pem = self.own.public_key().public_bytes(Encoding.PEM, PublicFormat.PKCS1).decode()
        return f"\n{pem}"


def signature_of(body: bytes, key: RSAPrivateKey) -> str:
    return base64.b64encode(key.sign(body, PKCS1v15(), SHA256())).decode()


class WebhookSchema(Schema):
    """One webhook to send. `data` is added to what a webhook of this type has anyway."""

    type = fields.String(required=True)
    room_id = fields.String(data_key="roomId", required=True)
    session_id = fields.String(data_key="sessionId", load_default="session-1")
    participant_id = fields.String(data_key="participantId", load_default=None)
    data = fields.Dict(load_default=dict)
    url = fields.String(load_default=None)  # else the one that the room was created with
    times = fields.Integer(load_default=1, validate=validate.Range(1, 100))
    signature = fields.String(load_default=SIGNED, validate=validate.OneOf([SIGNED, FORGED, TAMPERED, UNSIGNED]))


def add_webhook_routes(app: Flask, memory: Memory, route: Route) -> None:
    signer = Signer()
    pool = urllib3.PoolManager(timeout=TIMEOUT, retries=False)

    @app.get("/v2/public/rsa-public-key")
    @route("videosdk.public_key")
    def serve_public_key() -> Any:
        return jsonify(publicKey=signer.public_pem())

    @app.post("/sandbox/videosdk/key")
    def change_key() -> Any:
        signer.change_key()
        return "", 204

    @app.post("/sandbox/webhooks")
    def send_webhooks() -> Any:
        """Send webhooks, a list in this order, and answer with the HTTP status that each got."""
        try:
            wanted = WebhookSchema(many=True).load(request.get_json())
        except ValidationError as error:
            return jsonify(errors=error.messages), 400
        statuses = [sent(one) for one in wanted for _ in range(one["times"])]
        return jsonify(statuses=statuses)

    def sent(one: dict[str, Any]) -> int:
        url = one["url"] or url_of(memory.find_room(one["room_id"]))
        if url is None:
            return 0
        body = body_of(one)
        headers = {"Content-Type": "application/json"}
        if one["signature"] != UNSIGNED:
            headers["videosdk-signature"] = signature_of(
                body, signer.forgers if one["signature"] == FORGED else signer.own
            )
        if one["signature"] == TAMPERED:
            body = body.replace(b"session", b"sessions", 1)
        try:
            return pool.request("POST", url, body=body, headers=headers).status
        except urllib3.exceptions.HTTPError:
            return 0


def url_of(room: Room | None) -> str | None:
    webhook = {} if room is None else room.wish.get("webhook") or {}
    return webhook.get("endPoint")


def body_of(one: dict[str, Any]) -> bytes:
    data = {"meetingId": one["room_id"], "sessionId": one["session_id"]}
    if one["participant_id"] is not None:
        data |= {"participantId": one["participant_id"], "participantName": "Somebody's name"}
    return json.dumps({"webhookType": one["type"], "data": data | one["data"]}).encode()
