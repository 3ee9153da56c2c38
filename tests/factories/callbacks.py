"""Events of WeCom in the inbox, as the callback door keeps them."""

import itertools
from datetime import timedelta

from apps.core import clock
from apps.wecom.models import CallbackEndpoint, RawCallback

_numbers = itertools.count(1)


def keep_event(event, change="", fields=None, *, at=None, **columns):
    """One event that came a minute ago; `at` is WeCom's own moment, now unless given."""
    return RawCallback.objects.create(
        key=next(_numbers).to_bytes(32, "big"),
        endpoint=CallbackEndpoint.objects.get(slug="contacts"),
        event=event,
        change_type=change,
        fields=fields or {},
        created_by_wecom_at=at or clock.now(),
        not_before=clock.now() - timedelta(minutes=1),
        **columns,
    )


def keep_friend_event(change, guide, external_userid, at, **fields):
    """An event about a customer of this guide."""
    who = {"UserID": guide.wecom_userid, "ExternalUserID": external_userid}
    return keep_event("change_external_contact", change, {**who, **fields}, at=at)
