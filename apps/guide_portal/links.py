"""Addresses of the guide's pages. A page names dozens: each pattern is looked up once."""

import uuid
from functools import cache

from django.urls import reverse

_NUMBER, _UUID = 9_876_543_210_123, uuid.UUID(int=9_876_543_210_123)


@cache
def _around(name: str, stand_in: int | uuid.UUID) -> tuple[str, str]:
    before, _key, after = reverse(f"guide_portal:{name}", args=[stand_in]).partition(str(stand_in))
    return before, after


@cache
def plain(name: str) -> str:
    """The address of this name (in guide_portal) that is about nobody."""
    return reverse(f"guide_portal:{name}")


def numbered(name: str, pk: int) -> str:
    """The address of this name (in guide_portal) for a row's number."""
    before, after = _around(name, _NUMBER)
    return f"{before}{pk}{after}"


def of_person(name: str, public_id: str | uuid.UUID | None) -> str:
    """The address of this name for a customer; nobody has none."""
    before, after = _around(name, _UUID)
    return f"{before}{public_id}{after}" if public_id else ""


def to(name: str, key: int | str | uuid.UUID | None = None) -> str:
    """The address of this name: of a row by its number, of a person by public id, or of nobody."""
    if key is None:
        return plain(name)
    return numbered(name, key) if isinstance(key, int) else of_person(name, key)
