"""我的: a guide's own figures, each counted from rows; what is not kept is not shown."""

from dataclasses import dataclass
from datetime import datetime

from apps.core import clock
from apps.guide_portal.cards import Person, percent, week_begin
from apps.guide_portal.team import rate_words
from apps.guide_tasks.selectors import my_numbers
from apps.members.models import FollowRelation, ServingPeriod
from apps.stores.models import Guide, Posting


@dataclass(frozen=True, slots=True)
class MePage:
    """Figures of the last seven days."""

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
    """This guide's page in six queries."""
    guide = Guide.objects.get(pk=guide_id)
    posting = (
        Posting.objects.on(clock.business_day(now))
        .filter(guide=guide)
        .select_related("store")
        .first()
    )
    numbers = my_numbers(guide_id=guide_id, now=now)
    since = week_begin(now)
    friends = FollowRelation.objects.filter(guide_id=guide_id)
    moved = FollowRelation.EndedBy.TRANSFER
    place = [posting.store.name, str(posting.get_role_display())] if posting else []
    return MePage(
        person=Person(pk=guide.pk, public_id=None, name=guide.name),
        place=" · ".join(place),
        rate=percent(numbers.completion_rate),
        rate_words=rate_words(numbers),
        delivered=numbers.delivered,
        bought=numbers.purchased,
        customers=ServingPeriod.objects.current().filter(guide_id=guide_id).count(),
        friends_won=friends.filter(since__gte=since).count(),
        friends_lost=friends.filter(until__gte=since).exclude(ended_by=moved).count(),
    )
