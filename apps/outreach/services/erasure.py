"""Messages to somebody who asked to be deleted: that one went out stays, to whom and what not."""

from collections.abc import Sequence

from django.db import transaction
from django.db.models import Exists, OuterRef

from apps.members.services.erasure import nobody_of_row
from apps.outreach.models import Dispatch, DispatchRecipient, LinkClick, SmsMessage, Welcome


@transaction.atomic
def forget_members(*, member_ids: Sequence[int]) -> int:
    """Take WeCom ids off receivers, and words off messages that went to nobody else."""
    mine = DispatchRecipient.objects.filter(member_id__in=member_ids)
    others = DispatchRecipient.objects.filter(dispatch_id=OuterRef("pk")).exclude(
        member_id__in=member_ids
    )
    personal = Dispatch.objects.filter(pk__in=mine.values("dispatch_id")).exclude(Exists(others))
    personal.update(text="")
    LinkClick.objects.filter(member_id__in=member_ids).update(member=None)
    return mine.update(external_userid=nobody_of_row())


def forget_numbers(*, phone_keys: Sequence[bytes]) -> int:
    """Take away what was sent by SMS to these numbers, and what still waits."""
    return SmsMessage.objects.filter(phone_key__in=phone_keys).delete()[0]


def forget_contacts(*, external_userids: Sequence[str]) -> int:
    """Take away the welcomes that went to these WeCom contacts."""
    return Welcome.objects.filter(external_userid__in=external_userids).delete()[0]
