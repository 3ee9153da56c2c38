"""Handovers of somebody who asked to be deleted: that one went over stays, who it was not."""

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction

from apps.accounts.actor import SYSTEM
from apps.handovers import reasons
from apps.handovers.models import HandoverItem, OwnershipClaim
from apps.members.services.erasure import nobody_of_row

State = HandoverItem.State


@transaction.atomic
def forget_members(*, member_ids: Sequence[int], now: datetime) -> int:
    """Take the WeCom ids off their rows; reports add up as before. What WeCom was not asked for
    yet is not asked for any more; who is on the way there ends without a record. Nobody claims them
    any more."""
    claims = OwnershipClaim.objects.filter(member_id__in=member_ids)
    claims.end_waiting(OwnershipClaim.State.WITHDRAWN, by=SYSTEM.label, at=now)
    mine = HandoverItem.objects.filter(member_id__in=member_ids)
    mine.filter(state__in=[State.PLANNED, State.QUEUED]).update(
        state=State.CANNOT, reason=reasons.NO_RECORD, ended_at=now
    )
    return mine.exclude(external_userid="").update(external_userid=nobody_of_row())
