"""A throwaway Google service account whose tokens come from the sandbox.

`python -m integrations.sandbox.service_account ADDRESS` prints one whose tokens come from that address.
"""

import json
import sys
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

PROJECT = "tahoon-sandbox"


def write_sandbox_service_account(path: Path, *, token_uri: str) -> None:
    """Write the JSON file that Google's libraries read; the key in it is new and opens nothing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(sandbox_service_account(token_uri))


def sandbox_service_account(token_uri: str) -> str:
    key = generate_private_key(public_exponent=65537, key_size=2048)
    account = {
        "type": "service_account",
        "project_id": PROJECT,
        "private_key_id": "sandbox",
        "private_key": key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode(),
        "client_email": f"sandbox@{PROJECT}.iam.gserviceaccount.com",
        "client_id": "1",
        "token_uri": token_uri,
    }
    return json.dumps(account)


if __name__ == "__main__":
    sys.stdout.write(sandbox_service_account(sys.argv[1]))
