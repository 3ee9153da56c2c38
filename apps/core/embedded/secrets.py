"""The demo's own keys: made once per data folder, never part of the repository."""

import base64
import os
import secrets
import string
from pathlib import Path

import environ

FILE = "secrets.env"
# ids from 200 up are refused by the production settings
DEMO_KEY_ID = 201


def _make() -> dict[str, str]:
    letters = string.ascii_letters + string.digits
    return {
        "SECRET_KEY": f"demo-{secrets.token_urlsafe(48)}",
        "PII_PEPPER": f"demo-{secrets.token_urlsafe(32)}",
        "PII_KEYS": f"{DEMO_KEY_ID}:{base64.b64encode(secrets.token_bytes(32)).decode()}",
        "WECOM_CORP_ID": f"wwdemo{secrets.token_hex(6)}",
        "WECOM_AGENT_ID": "1000002",
        "WECOM_SECRET": secrets.token_urlsafe(32),
        "WECOM_CONTACT_SECRET": secrets.token_urlsafe(32),
        "WECOM_TOKEN": "".join(secrets.choice(letters) for _ in range(24)),
        # 43 characters that decode to exactly 32 bytes when one "=" follows
        "WECOM_AES_KEY": base64.b64encode(secrets.token_bytes(32)).decode().rstrip("="),
        "DEMO_PASSWORD": secrets.token_urlsafe(9),
    }


def write_private(path: Path, values: dict[str, str]) -> None:
    """Write NAME=value lines that only the owner may read; the file appears whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.writelines(f"{name}={value}\n" for name, value in values.items())
    draft.replace(path)


def load(data: Path) -> None:
    """Put the data folder's keys into the environment, making them at the first use."""
    path = data / FILE
    if not path.exists():
        write_private(path, _make())
    environ.Env.read_env(path)
