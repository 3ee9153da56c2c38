"""The callback cipher and the two signatures, written from the protocol's description."""

import base64
import hashlib
import os
import struct

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

BLOCK = 32


class BadCipherText(ValueError):
    """The text was not made with this key for this receiver."""


def _key(aes_key: str) -> bytes:
    key = base64.b64decode(aes_key + "=")
    if len(key) != 32:
        raise BadCipherText("EncodingAESKey must be 43 characters.")
    return key


def encrypt(aes_key: str, message: str, receive_id: str, *, random16: bytes | None = None) -> str:
    """AES-256-CBC over random, length, message and receiver, padded to 32; base64."""
    key = _key(aes_key)
    body = message.encode()
    plain = (random16 or os.urandom(16)) + struct.pack(">I", len(body)) + body
    plain += receive_id.encode()
    pad = BLOCK - len(plain) % BLOCK
    plain += bytes([pad]) * pad
    cipher = Cipher(algorithms.AES(key), modes.CBC(key[:16])).encryptor()
    return base64.b64encode(cipher.update(plain) + cipher.finalize()).decode()


def decrypt(aes_key: str, encrypted: str, receive_id: str) -> str:
    """The message inside, or BadCipherText."""
    key = _key(aes_key)
    try:
        raw = base64.b64decode(encrypted, validate=True)
        cipher = Cipher(algorithms.AES(key), modes.CBC(key[:16])).decryptor()
        plain = cipher.update(raw) + cipher.finalize()
        pad = plain[-1]
        (length,) = struct.unpack(">I", plain[16:20])
        message = plain[20 : 20 + length].decode()
        receiver = plain[20 + length : len(plain) - pad].decode()
    except (ValueError, IndexError, struct.error) as error:
        raise BadCipherText("Not a cipher text of this key.") from error
    if not 1 <= pad <= BLOCK or plain[-pad:] != bytes([pad]) * pad:
        raise BadCipherText("Bad padding.")
    if receiver != receive_id:
        raise BadCipherText("Meant for another receiver.")
    return message


def callback_signature(token: str, timestamp: str, nonce: str, encrypted: str) -> str:
    """SHA-1 over the four values in string order; the protocol prescribes it."""
    joined = "".join(sorted([token, timestamp, nonce, encrypted]))
    return hashlib.sha1(joined.encode(), usedforsecurity=False).hexdigest()


def jssdk_signature(ticket: str, nonce: str, timestamp: str | int, url: str) -> str:
    """The page signature of the JS-SDK: fixed order, no URL encoding, no fragment."""
    text = f"jsapi_ticket={ticket}&noncestr={nonce}&timestamp={timestamp}&url={url.split('#')[0]}"
    return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()
