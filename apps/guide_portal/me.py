"""Reads for 我的: a guide's own figures, each counted from rows; what is not kept is not shown."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from apps.core import clock
from apps.guide_portal.cards import Person, day_begin
from apps.guide_portal.team import Counts, counting, rate, rate_words
from apps.guide_tasks.models import Grade, TaskTarget
from apps.members.models import FollowRelation, ServingPeriod
from apps.stores.models import Guide, Posting

DAYS = 7


@dataclass(frozen=True, slots=True)
class MePage:
    """Figures of the last seven chain days, today included."""

    person: Person
    place: str
    rate: str
    rate_words: str
    delivered: int
    bought: int
    customers: int
    friends_won: int
    friends_lost: int


def me_page(*, guide_id: int, now: datetime) -> MePage:
    """This guide's page in seven queries."""
    guide = Guide.objects.get(pk=guide_id)
    posting = (
        Posting.objects.on(clock.business_day(now))
        .filter(guide=guide)
        .select_related("store")
        .first()
    )
    since = day_begin(now) - timedelta(days=DAYS - 1)
    until = day_begin(now) + timedelta(days=1)
    mine = TaskTarget.objects.of_guide(guide_id).opened_by(now)
    due = mine.filter(due_at__gte=since, due_at__lt=until)
    counts = Counts(**due.aggregate(**counting(now)))
    friends = FollowRelation.objects.filter(guide_id=guide_id)
    delivered = mine.filter(contact_grade=Grade.DELIVERED, contacted_at__gte=since)
    place = [posting.store.name, posting.get_role_display()] if posting else []
    return MePage(
        person=Person(pk=guide.pk, public_id=None, name=guide.name),
        place=" · ".join(str(part) for part in place),
        rate=rate(counts),
        rate_words=rate_words(counts),
        delivered=delivered.count(),
        bought=mine.filter(purchased_at__gte=since).count(),
        customers=ServingPeriod.objects.current().filter(guide_id=guide_id).count(),
        friends_won=friends.filter(since__gte=since).count(),
        friends_lost=friends.filter(until__gte=since).exclude(ended_by="transfer").count(),
    )
