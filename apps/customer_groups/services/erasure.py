"""Stays of somebody who asked to be deleted: that a person came and went stays, who it was not.

WeCom goes on showing who is still in a group. So where the WeCom id stood, a key of it stands now,
made with a secret that is not in the database: it says nothing, but what WeCom shows next time is
recognised by it and stays nameless.
"""

from collections.abc import Collection, Sequence

from django.db import transaction

from apps.core import pii
from apps.customer_groups.models import GroupMembership
from apps.members.models import MemberIdentity
from apps.members.services.erasure import GONE


@transaction.atomic
def forget_contacts(*, external_userids: Sequence[str]) -> int:
    """Take the WeCom id and the member off their stays; the groups' figures do not change."""
    return sum(
        GroupMembership.objects.filter(wecom_id=one, is_customer=True).update(
            wecom_id=nobody(one), member=None
        )
        for one in external_userids
    )


def nobody(external_userid: str) -> str:
    """What stands for a deleted person, the same each time."""
    kind = MemberIdentity.Kind.EXTERNAL_USERID
    return f"{GONE}{pii.value_key(kind, '', external_userid).hex()}"


def nameless(external_userids: Collection[str]) -> dict[str, str]:
    """{WeCom id: what stands for it} of those who asked to be deleted; one query."""
    keys = {nobody(one): one for one in external_userids}
    stays = GroupMembership.objects.filter(wecom_id__in=keys, is_customer=True).order_by()
    known = stays.values_list("wecom_id", flat=True).distinct()
    return {keys[key]: key for key in known}
