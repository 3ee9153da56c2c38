"""Personal data: keys to find it by, encryption to keep it, masks to show it."""

import base64
import hmac
import os
import re
import unicodedata
from functools import lru_cache

import phonenumbers
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext_lazy as _

from apps.core.errors import DomainError

KEY_VERSION = 1
VALUE_KEY_BYTES = 16
_NONCE_BYTES = 12
_CHINA = 86
_MOBILE_DIGITS = 11
_STARS = "****"
_CHINESE_DIGITS = str.maketrans("〇零幺一二三四五六七八九", "001123456789")
_GAP = r"[\s\-.,·/_*()，。、]*"
# eleven digits of a mobile, or area code and landline, either with the country's code. Dates and
# the numbers of orders and cases are none
_LIKE_A_NUMBER = re.compile(
    rf"(?<!\d)(?:(?:\+|00)?86{_GAP})?1{_GAP}[3-9](?:{_GAP}\d){{9}}(?!\d)"
    rf"|(?<!\d)0(?:10|2\d|[3-9]\d{{2}}){_GAP}[2-8](?:{_GAP}\d){{6,7}}(?!\d)"
    rf"|(?:\+|(?<!\d)00)86{_GAP}[1-9]\d{{1,2}}{_GAP}[2-8](?:{_GAP}\d){{6,7}}(?!\d)"
)


class InvalidPhone(DomainError):
    code = "invalid_phone"
    message = _("This is not a mobile number.")


def value_key(kind: str, scope: str | int, value: str) -> bytes:
    """16 bytes to find an identity by: HMAC-SHA256(pepper, kind|scope|normalised value), cut.

    A bare hash would let anybody with the table try every phone number; the pepper does not.
    """
    message = f"{kind}|{scope}|{value}".encode()
    return hmac.digest(settings.PII_PEPPER.encode(), message, "sha256")[:VALUE_KEY_BYTES]


@lru_cache
def _ciphers(keys: str) -> tuple[int, dict[int, AESGCM]]:
    """The id that encrypts (the first) and every cipher by id."""
    found: dict[int, AESGCM] = {}
    for part in keys.split(","):
        number, separator, encoded = part.strip().partition(":")
        key = base64.b64decode(encoded)
        if not separator or not 0 < int(number) < 256 or len(key) != 32:
            raise ImproperlyConfigured("PII_KEYS is a list of id:base64-of-32-bytes, ids 1 to 255.")
        found[int(number)] = AESGCM(key)
    return next(iter(found)), found


def encrypt(text: str) -> bytes:
    """AES-GCM with the first key: key id (1 byte), nonce (12), ciphertext."""
    number, ciphers = _ciphers(settings.PII_KEYS)
    nonce = os.urandom(_NONCE_BYTES)
    return bytes([number]) + nonce + ciphers[number].encrypt(nonce, text.encode(), None)


def decrypt(data: bytes | memoryview) -> str:
    """Undo `encrypt` with whichever key it names."""
    raw = bytes(data)
    cipher = _ciphers(settings.PII_KEYS)[1][raw[0]]
    nonce = raw[1 : 1 + _NONCE_BYTES]
    return cipher.decrypt(nonce, raw[1 + _NONCE_BYTES :], None).decode()


def seal(words: str) -> bytes:
    """Free text as it is kept; nothing stays nothing, so that the database can tell."""
    return encrypt(words) if words else b""


def unseal(data: bytes | memoryview) -> str:
    """Undo `seal`."""
    return decrypt(data) if data else ""


def normalise_phone(raw: str) -> str:
    """E.164 of a mobile number, China assumed; raises InvalidPhone.

    The shape is checked, not the operator: number ranges open faster than any list of them.
    """
    text = unicodedata.normalize("NFKC", raw or "").strip()
    try:
        number = phonenumbers.parse(text, "CN")
    except phonenumbers.NumberParseException as error:
        raise InvalidPhone from error
    national = str(number.national_number)
    if number.country_code == _CHINA:
        possible = len(national) == _MOBILE_DIGITS and national.startswith("1")
    else:
        possible = phonenumbers.is_possible_number(number)
    if not possible:
        raise InvalidPhone
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def plain_digits(text: str) -> str:
    """The text with full-width and Chinese digits written as 0 to 9."""
    return unicodedata.normalize("NFKC", text).translate(_CHINESE_DIGITS)


def holds_phone(text: str) -> bool:
    """Whether somebody's phone number stands in free text, however it is grouped or written."""
    return _LIKE_A_NUMBER.search(plain_digits(text)) is not None


_ID_CARD = re.compile(r"(?<!\d)\d{17}[\dXx](?!\d)|(?<!\d)\d{15}(?!\d)")


def holds_number(text: str) -> bool:
    """Whether a phone or an ID number is in it."""
    return holds_phone(text) or bool(_ID_CARD.search(plain_digits(text)))


def mask_phone(phone: str) -> str:
    """`+8613800001234` → `138****1234`; other countries keep their code and the last four."""
    if phone.startswith("+86"):
        phone = phone.removeprefix("+86")
        return f"{phone[:3]}{_STARS}{phone[-4:]}"
    return f"{phone[:3]}{_STARS}{phone[-4:]}" if len(phone) > 7 else _STARS


def mask_name(name: str) -> str:
    """`林晓雯` → `林*雯`, `王芳` → `王*`; at most three stars whatever the length."""
    name = name.strip()
    if len(name) <= 2:
        return f"{name[:1]}*" if name[1:] else "*" * len(name)
    return name[0] + "*" * min(len(name) - 2, 3) + name[-1]
