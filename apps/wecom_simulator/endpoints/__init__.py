"""The HTTP API, one module per group. Importing the package fills the table."""

from . import (
    acquisition,
    agents,
    behavior,
    cards,
    contact_ways,
    customers,
    directory,
    group_transfers,
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
    "acquisition",
    "agents",
    "behavior",
    "cards",
    "contact_ways",
    "customers",
    "directory",
    "group_transfers",
    "groups",
    "mass_sends",
    "media",
    "messages",
    "moments",
    "session",
    "tags",
    "transfers",
]
