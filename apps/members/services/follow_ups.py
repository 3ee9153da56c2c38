"""下次跟进: the day a guide set for turning to a member again, kept until it was done."""

import uuid
from datetime import date, datetime, timedelta

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from apps.core import clock
from apps.core.errors import DomainError
from apps.members.models import FollowUp, Member

LONGEST = timedelta(days=366)
# what was set on a phone without network arrives late
LATE = timedelta(days=7)


class FollowUpDayImpossible(DomainError):
    code = "follow_up_day"
    message = _("Choose a day from today on, within a year.")


class FollowUpTaken(DomainError):
    code = "follow_up_taken"
    message = _("This date belongs to somebody else. Open the page again.")


@transaction.atomic
def set_follow_up(
    *, member_id: int, guide_id: int, due_on: date, client_id: uuid.UUID, now: datetime
) -> FollowUp:
    """Remember the day; the one set before makes way. The same client id is the same date.

    Raises FollowUpDayImpossible, FollowUpTaken.
    """
    Member.objects.select_for_update(no_key=True).get(pk=member_id)
    known = FollowUp.objects.filter(client_id=client_id).first()
    if known is not None:
        if (known.member_id, known.guide_id) != (member_id, guide_id):
            raise FollowUpTaken
        return known
    today = clock.business_day(now)
    if not today - LATE <= due_on <= today + LONGEST:
        raise FollowUpDayImpossible
    _close(member_id, guide_id, cause=FollowUp.Closed.REPLACED, at=now)
    return FollowUp.objects.create(
        member_id=member_id,
        guide_id=guide_id,
        due_on=due_on,
        client_id=client_id,
        created_at=now,
    )


@transaction.atomic
def end_follow_up(*, member_id: int, guide_id: int, now: datetime) -> bool:
    """The guide ticks the date off. Safe to repeat; False when none stood."""
    return _close(member_id, guide_id, cause=FollowUp.Closed.BY_HAND, at=now)


def _close(member_id: int, guide_id: int, *, cause: str, at: datetime) -> bool:
    standing = FollowUp.objects.standing().filter(member_id=member_id, guide_id=guide_id)
    return bool(standing.update(closed_at=at, closed=cause))
