"""Tags both ways: the catalogue, what guides mark in WeCom, and what we send there.

Whose word counts is a setting of the tag group. A friend's tags are compared three ways: what WeCom
shows, what it showed last, what we say. So a change is known by the side that made it.
"""

from apps.wecom_sync.services.tags.push import forget_old_words, note_tag_changes, push_tags
from apps.wecom_sync.services.tags.take import Shown, take_tags

__all__ = ["Shown", "forget_old_words", "note_tag_changes", "push_tags", "take_tags"]
