"""News of friendships of somebody who asked to be deleted, and what greeted them."""

from collections.abc import Sequence

from apps.outreach.services.erasure import forget_contacts as forget_welcomes
from apps.wecom_sync.models import FollowNews


def forget_contacts(*, external_userids: Sequence[str]) -> int:
    welcomes = forget_welcomes(external_userids=external_userids)
    return welcomes + FollowNews.objects.filter(external_userid__in=external_userids).delete()[0]
