"""Events of friendships, many at a time: looked at together, told to the rooms below as sets."""

from apps.wecom_sync.services.friends.reading import read_friends
from apps.wecom_sync.services.friends.taking import FRIEND_EVENTS

__all__ = ["FRIEND_EVENTS", "read_friends"]
