"""Whose customers go to whom: who serves or knows TA first, then who has least and has room."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Count

from apps.core import clock
from apps.handovers.models import HandoverItem, HandoverRun
from apps.members.models import FollowRelation, ServingPeriod
from apps.stores.models import Guide, Posting, Store

# WeCom lets a customer be handed over on the job twice in this time
WINDOW = timedelta(days=90)
MOST_IN_WINDOW = 2


@dataclass(frozen=True, slots=True)
class Customer:
    """Somebody to be handed over. `served_by` is their 专属导购 if that is somebody else already;
    without an external id they are no WeCom friend of the giver."""

    member_id: int
    external_userid: str = ""
    served_by: int | None = None


@dataclass
class Colleagues:
    """Who could take over: how many customers each has, and for how many more friends there is
    room."""

    load: Counter[int]
    room: Counter[int]
    friends: Mapping[int, set[int]] = field(default_factory=dict)  # member -> guides

    @property
    def ids(self) -> list[int]:
        return sorted(self.load)

    def take(self, customer: Customer, guide_id: int) -> None:
        self.load[guide_id] += 1
        if not self.knows(guide_id, customer):
            self.room[guide_id] -= 1

    def knows(self, guide_id: int, customer: Customer) -> bool:
        return guide_id in self.friends.get(customer.member_id, ())

    def fits(self, guide_id: int, customer: Customer) -> bool:
        """A friend needs no more room, nor does who is nobody's friend."""
        if not customer.external_userid or self.knows(guide_id, customer):
            return True
        return self.room[guide_id] > 0


def colleagues(
    *,
    store: Store,
    corp_id: str,
    without: Collection[int],
    customers: Iterable[Customer],
    now: datetime,
) -> Colleagues:
    """Who is posted in the store today, active and of this corp, for WeCom hands nobody over to
    another one; five queries whatever their number."""
    posted = Posting.objects.on(clock.business_day(now)).filter(
        store=store, guide__status=Guide.Status.ACTIVE, guide__corp_id=corp_id
    )
    roles = dict(posted.exclude(guide_id__in=without).values_list("guide_id", "role"))
    # a store manager leads: customers go to one only where nobody else is
    guides = [pk for pk, role in roles.items() if role == Posting.PostingRole.GUIDE]
    ids = sorted(guides or roles)
    friends: dict[int, set[int]] = defaultdict(set)
    known = FollowRelation.objects.current().filter(
        guide_id__in=ids, member__survivor_id__in=[one.member_id for one in customers]
    )
    for member_id, guide_id in known.values_list("member__survivor_id", "guide_id"):
        friends[member_id].add(guide_id)
    return Colleagues(load=loads(ids), room=rooms(ids), friends=friends)


def loads(guide_ids: Collection[int]) -> Counter[int]:
    """How many members each serves; every guide has an entry."""
    rows = ServingPeriod.objects.current().filter(guide_id__in=guide_ids).order_by()
    found = Counter(dict(rows.values_list("guide_id").annotate(n=Count("pk"))))
    return Counter({guide_id: found[guide_id] for guide_id in guide_ids})


def rooms(guide_ids: Collection[int]) -> Counter[int]:
    """How many more WeCom friends each may have, those on their way counted in."""
    friends = FollowRelation.objects.current().filter(guide_id__in=guide_ids).order_by()
    coming = HandoverItem.objects.open().filter(takeover_id__in=guide_ids).order_by()
    coming = coming.exclude(external_userid="")
    has = Counter(dict(friends.values_list("guide_id").annotate(n=Count("pk"))))
    has.update(dict(coming.values_list("takeover_id").annotate(n=Count("pk"))))
    most = settings.WECOM_FRIENDS_PER_GUIDE
    return Counter({guide_id: max(most - has[guide_id], 0) for guide_id in guide_ids})


def choose(
    customers: Sequence[Customer],
    among: Colleagues,
    *,
    tried: Mapping[str, set[int]] | None = None,
) -> dict[Customer, int | None]:
    """{customer: successor}, in one pass; None where nobody has room. `tried` (by external id) is
    who could not take that customer."""
    chosen: dict[Customer, int | None] = {}
    for one in sorted(customers, key=lambda c: (not _is_bound(c, among), c.member_id)):
        not_again = (tried or {}).get(one.external_userid, set())
        fit = [pk for pk in among.ids if pk not in not_again and among.fits(pk, one)]
        taken = min(fit, key=lambda pk: _rank(pk, one, among), default=None)
        if taken is not None:
            among.take(one, taken)
        chosen[one] = taken
    return chosen


def _is_bound(customer: Customer, among: Colleagues) -> bool:
    """Somebody knows TA already: these choose first, the rest evens the loads out."""
    return customer.served_by in among.load or bool(among.friends.get(customer.member_id))


def _rank(guide_id: int, customer: Customer, among: Colleagues) -> tuple[bool, bool, int, int]:
    serves = guide_id == customer.served_by
    return (not serves, not among.knows(guide_id, customer), among.load[guide_id], guide_id)


def used_up(*, run: HandoverRun, externals: Collection[str], now: datetime) -> set[str]:
    """Of these customers, who was handed over on the job as often as WeCom allows; known from our
    own history before anything is asked."""
    if run.has_left:
        return set()
    rows = (
        HandoverItem.objects.begun_since(now - WINDOW)
        .filter(
            run__corp_id=run.corp_id,
            run__kind=HandoverRun.Kind.ON_JOB,
            external_userid__in=externals,
        )
        .order_by()
        .values_list("external_userid")
        .annotate(n=Count("pk"))
        .filter(n__gte=MOST_IN_WINDOW)
    )
    return {external for external, _n in rows}
