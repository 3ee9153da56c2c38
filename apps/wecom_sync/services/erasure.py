"""News of friendships of somebody who asked to be deleted."""

from collections.abc import Sequence

from apps.wecom_sync.models import FollowNews


def forget_contacts(*, external_userids: Sequence[str]) -> int:
    return FollowNews.objects.filter(external_userid__in=external_userids).delete()[0]
