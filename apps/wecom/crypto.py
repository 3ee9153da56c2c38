"""WeCom's envelope: signature, AES, XML, and the key under which a callback is one callback."""

import base64
import hashlib
import hmac
import json
import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from xml.parsers.expat import ExpatError

import xmltodict
from wechatpy.enterprise.crypto import PrpCrypto, WeChatCrypto
from wechatpy.exceptions import WeChatException

from apps.wecom.errors import CallbackForged, CallbackRejected

MAX_BODY_BYTES = 1_000_000

# The form in which WeCom writes nearly every callback: fields of plain text under the root, each
# once. A parser takes ten times as long over it. What has any other sign in it goes to the parser.
_BLANK = "[ \\t\\r\\n]*"
_FIELD = (
    r"<([A-Za-z_][A-Za-z0-9_]*)>"
    r"(?:<!\[CDATA\[([^\x00-\x1f\]\ufffe\uffff]*)\]\]>|([^\x00-\x1f\]<>&\ufffe\uffff]*))"
    r"</\1>"
)
_FLAT = re.compile(f"<xml>(?:{_BLANK}{_FIELD})+{_BLANK}</xml>{_BLANK}")
_FIELDS = re.compile(_FIELD)

_CANONICAL = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"))


@dataclass(frozen=True, slots=True)
class Keys:
    """What one callback address was configured with."""

    token: str
    aes_key: str
    receive_id: str

    def check(self) -> None:
        """Raises ValueError unless the AES key is 43 characters that decode to 32 bytes."""
        if len(self.aes_key) != 43 or len(base64.b64decode(self.aes_key + "=")) != 32:
            raise ValueError("not an EncodingAESKey")


@dataclass(frozen=True, slots=True)
class Seal:
    """The signed part of the query string."""

    signature: str
    timestamp: str
    nonce: str

    @classmethod
    def from_query(cls, query: Mapping[str, str]) -> "Seal":
        """Raises CallbackRejected when one of the three is missing."""
        parts = [query.get(name, "") for name in ("msg_signature", "timestamp", "nonce")]
        if not all(parts):
            raise CallbackRejected("The signature is missing.")
        return cls(*parts)


def sign(*, token: str, timestamp: str, nonce: str, encrypted: str) -> str:
    text = "".join(sorted([token, timestamp, nonce, encrypted]))
    return hashlib.sha1(text.encode()).hexdigest()


def is_signed(*, keys: Keys, seal: Seal, encrypted: str) -> bool:
    """Whether the sender has the same token."""
    expected = sign(
        token=keys.token, timestamp=seal.timestamp, nonce=seal.nonce, encrypted=encrypted
    )
    return hmac.compare_digest(expected.encode(), seal.signature.encode())


def open_sealed(*, keys: Keys, seal: Seal, encrypted: str) -> str:
    """The clear text. The signature is checked before anything is decrypted, the receiver after.

    Raises CallbackForged. How old the timestamp is does not matter: WeCom's own retries come late,
    and a replay falls on the same key.
    """
    if not is_signed(keys=keys, seal=seal, encrypted=encrypted):
        raise CallbackForged("The signature does not fit.")
    try:
        return _cipher(keys).decrypt(encrypted, keys.receive_id)
    except WeChatException:
        raise CallbackForged("Meant for another receiver.") from None
    except (ValueError, IndexError, TypeError, struct.error):
        raise CallbackForged("Cannot be decrypted.") from None


def tells_its_receiver(keys: Keys, encrypted: str) -> bool:
    """Whether the AES key is the sender's: with another one the length makes no sense, or what
    stands behind the text is no id. Raises nothing."""
    try:
        clear = _cipher(keys).cipher.decrypt(base64.b64decode(encrypted))
        (length,) = struct.unpack(">I", clear[16:20])
        receiver = clear[20 + length : -clear[-1]].decode()
    except (ValueError, IndexError, TypeError, struct.error):
        return False
    return receiver != "" and receiver.isascii() and receiver.isprintable()


@lru_cache(maxsize=64)
def _cipher(keys: Keys) -> PrpCrypto:
    return PrpCrypto(WeChatCrypto(keys.token, keys.aes_key, keys.receive_id).key)


def seal_text(*, keys: Keys, text: str, timestamp: str, nonce: str) -> tuple[str, str]:
    """(encrypted, signature) as WeCom makes them; the bench and the tests post with it."""
    encrypted = _cipher(keys).encrypt(text, keys.receive_id).decode()
    return encrypted, sign(token=keys.token, timestamp=timestamp, nonce=nonce, encrypted=encrypted)


def read_xml(raw: bytes | str) -> dict[str, Any]:
    """The fields under the root. No entities, no DTD, UTF-8 only; raises CallbackRejected."""
    try:
        text = raw.decode() if isinstance(raw, bytes) else raw
        if (flat := _flat_fields(text)) is not None:
            return flat
        if _has_doctype(text):
            raise CallbackRejected("A document type is not accepted.")
        tree = xmltodict.parse(text, disable_entities=True)
        fields = tree["xml"]
        json.dumps(fields)  # a tree too deep to store is refused here, not in the database
    except (ValueError, ExpatError, KeyError, RecursionError):
        raise CallbackRejected("Not the XML that WeCom sends.") from None
    if not isinstance(fields, dict):
        raise CallbackRejected("Not the XML that WeCom sends.")
    return {name: "" if value is None else value for name, value in fields.items()}


def _flat_fields(text: str) -> dict[str, Any] | None:
    """What the parser would say of the plain form; nothing if it is not that."""
    if _FLAT.fullmatch(text) is None:
        return None
    found = _FIELDS.findall(text, len("<xml>"))
    fields = {name: (marked or plain).strip() for name, marked, plain in found}
    return fields if len(fields) == len(found) else None  # a field that repeats is a list


def _has_doctype(text: str) -> bool:
    # only before the root: a message's own text may well contain the word
    return "<!DOCTYPE" in text.partition("<xml")[0]


def read_envelope(body: bytes) -> str:
    """The `Encrypt` field of a posted body."""
    encrypted = read_xml(body).get("Encrypt")
    if not isinstance(encrypted, str) or not encrypted:
        raise CallbackRejected("Nothing encrypted in it.")
    return encrypted


def callback_key(*, corp_id: str, agent_id: int | None, fields: Mapping[str, Any]) -> bytes:
    """sha256 over every decrypted field in canonical order, with corp and agent.

    A retry has the same fields and falls on the same key; two events of one second differ in one.
    """
    canonical = _CANONICAL.encode([corp_id, agent_id, fields])
    return hashlib.sha256(canonical.encode()).digest()
