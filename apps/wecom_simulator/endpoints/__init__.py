"""The HTTP API, one module per group. Importing the package fills the table."""

from . import (
    behavior,
    cards,
    contact_ways,
    customers,
    directory,
    groups,
    mass_sends,
    media,
    messages,
    moments,
    session,
    tags,
    transfers,
)
from .base import ENDPOINTS, Call

__all__ = [
    "ENDPOINTS",
    "Call",
    "behavior",
    "cards",
    "contact_ways",
    "customers",
    "directory",
    "groups",
    "mass_sends",
    "media",
    "messages",
    "moments",
    "session",
    "tags",
    "transfers",
]
