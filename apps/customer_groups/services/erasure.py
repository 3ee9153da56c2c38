"""Stays of somebody who asked to be deleted: that a person came and went stays, who it was not."""

from collections.abc import Sequence

from django.db import transaction

from apps.customer_groups.models import GroupMembership
from apps.members.services.erasure import nobody_of_row


@transaction.atomic
def forget_contacts(*, external_userids: Sequence[str]) -> int:
    """Take the WeCom id and the member off their stays; the groups' figures do not change."""
    mine = GroupMembership.objects.filter(wecom_id__in=external_userids, is_customer=True)
    return mine.update(wecom_id=nobody_of_row(), member=None)
