"""排班, 分配 and 离职/调店 as their pages show them: who works when, who has what, who goes."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

from django.db.models import (
    BooleanField,
    Count,
    Exists,
    ExpressionWrapper,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
)
from django.db.models.functions import Coalesce
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from apps.appointments.selectors import booked_on
from apps.core import clock
from apps.guide_portal.cards import Chip, Person, due_chip, person_of
from apps.guide_portal.templatetags.portal import month_day, yuan
from apps.guide_tasks.models import State, TaskTarget
from apps.guide_tasks.services import following
from apps.handovers.models import HandoverRun
from apps.handovers.selectors import owned_groups
from apps.members.models import FollowRelation, Member, ServingPeriod
from apps.members.services.handing_over import HANDED_OVER
from apps.profiles.models import MemberProfile
from apps.stores import selectors as stores
from apps.stores.models import Cover, Guide, Posting, Store, StoreDay
from apps.stores.services import PLAN_AHEAD

WEEK = timedelta(days=7)
SHOWN = 30
# a hand-over is looked back at for so long
REMEMBERED = stores.GONE_WITHIN


def colleague(guide: Guide) -> Person:
    return Person(pk=guide.pk, public_id=None, name=guide.name)


# --- 排班 ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Cell:
    """One day: its state in icon and word, and what a tap makes of it ("" = nothing)."""

    state: str
    icon: str
    word: str
    label: str
    value: str = ""


@dataclass(frozen=True, slots=True)
class DutyRow:
    person: Person
    is_manager: bool
    cells: list[Cell]
    covers: str
    running: list[tuple[int, str]]
    first: date
    last: date


@dataclass(frozen=True, slots=True)
class DutyPage:
    """A week of a store. `choices` are the colleagues who may cover; `coming` says how many have
    appointments on the days that are closed."""

    store: Store
    first: date
    days: list[tuple[date, str]]
    closed: list[Cell]
    coming: list[str]
    rows: list[DutyRow]
    choices: list[Person]
    earlier: date | None
    later: date | None
    today: date
    furthest: date


def _looks() -> dict[str, tuple[str, str]]:
    return {
        "on": ("ok", pgettext("duty", "on")),
        "off": ("moon", pgettext("duty", "off")),
        "covered": ("swap", pgettext("duty", "covered")),
        "closed": ("store", pgettext("duty", "closed")),
        "open": ("ok", pgettext("duty", "open")),
    }


def _weekdays() -> list[str]:
    return [
        pgettext("weekday", "Mo"),
        pgettext("weekday", "Tu"),
        pgettext("weekday", "We"),
        pgettext("weekday", "Th"),
        pgettext("weekday", "Fr"),
        pgettext("weekday", "Sa"),
        pgettext("weekday", "Su"),
    ]


def week_from(today: date, asked: date) -> date:
    """The first of the seven days that hold the day asked for; weeks are counted from today."""
    return today + WEEK * ((asked - today).days // 7)


def _cell(day: date, state: str, who: str, today: date, helper: str = "") -> Cell:
    icon, word = _looks()[state]
    turned = {"on": "off", "off": "on", "open": "closed", "closed": "open"}.get(state, "")
    label = "，".join(filter(None, [who, month_day(day), word, helper]))
    value = f"{day.isoformat()}:{turned}" if turned and day >= today else ""
    return Cell(state, icon, word, label, value)


def duty_page(*, store: Store, first: date, now: datetime) -> DutyPage:
    """Seven days of everybody in the store, in five queries; one more for a closed day."""
    today = clock.business_day(now)
    days = [first + timedelta(days=n) for n in range(7)]
    names = _weekdays()
    found = stores.duty_rows(store_id=store.pk, days=days)
    covers = defaultdict(list)
    for one in (
        Cover.objects.filter(absent_id__in=[row.guide.pk for row in found])
        .filter(during__endswith__gt=today)
        .select_related("covering")
        .order_by("during")
    ):
        covers[one.absent_id].append(one)
    shut = set(
        StoreDay.objects.filter(store=store, day__range=(first, days[-1])).values_list(
            "day", flat=True
        )
    )
    return DutyPage(
        store=store,
        first=first,
        days=[(day, names[day.weekday()]) for day in days],
        closed=[_cell(day, "closed" if day in shut else "open", store.name, today) for day in days],
        coming=_coming(store, shut, today),
        rows=[_duty_row(row, covers[row.guide.pk], today) for row in found],
        choices=[colleague(row.guide) for row in found],
        earlier=first - WEEK if first > today else None,
        later=first + WEEK if first + WEEK <= today + PLAN_AHEAD - WEEK else None,
        today=today,
        furthest=today + PLAN_AHEAD,
    )


def _coming(store: Store, shut: set[date], today: date) -> list[str]:
    found = booked_on(store_id=store.pk, days={day for day in shut if day >= today})
    words = _("%(day)s is closed, and %(n)s appointments stand. Call the customers.")
    return [words % {"day": month_day(day), "n": n} for day, n in sorted(found.items())]


def _duty_row(row: stores.DutyRow, covers: Sequence[Cover], today: date) -> DutyRow:
    off = [one.day for one in row.days if one.state == "off" and one.day >= today]
    first = off[0] if off else max(today, row.days[0].day)
    last = first
    while last + timedelta(days=1) in off:
        last += timedelta(days=1)
    return DutyRow(
        person=colleague(row.guide),
        is_manager=row.role == Posting.PostingRole.STORE_MANAGER,
        cells=[_guides_cell(one, row.guide.name, today) for one in row.days],
        covers="、".join(row.covers),
        running=[(one.pk, cover_words(one)) for one in covers],
        first=first,
        last=last,
    )


def _guides_cell(one: stores.DutyDay, who: str, today: date) -> Cell:
    found = _cell(one.day, one.state, who, today, one.covered_by)
    # a day on which the store is closed is marked in the store's own row
    return replace(found, value="") if one.state == "closed" else found


def cover_words(cover: Cover) -> str:
    last = cover.during.upper - timedelta(days=1)
    until = "" if last == cover.during.lower else f"–{month_day(last)}"
    return _("%(name)s covers %(days)s") % {
        "name": cover.covering.name,
        "days": f"{month_day(cover.during.lower)}{until}",
    }


# --- 分配 ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Helper:
    """A colleague at work today, with what they have: members served, open tasks."""

    person: Person
    served: int
    open: int
    is_away: bool = False


@dataclass(frozen=True, slots=True)
class Unserved:
    person: Person
    words: str


@dataclass(frozen=True, slots=True)
class AssignPage:
    store: Store
    unserved: int
    shown: list[Unserved]
    helpers: list[Helper]
    busy: list[Helper]


def unserved_members(store: Store) -> QuerySet[Member]:
    """Members of the store whom nobody serves."""
    served = ServingPeriod.objects.current().filter(member_id=OuterRef("pk"))
    return Member.objects.survivors().filter(~Exists(served), home_store=store)


def assign_page(*, store: Store, now: datetime) -> AssignPage:
    """Who has no guide, who has how much; four queries."""
    everybody = _helpers(store, now)
    people = unserved_members(store)
    first = list(people.order_by("pk")[:SHOWN])
    worth = dict(
        MemberProfile.objects.filter(member_id__in=[one.pk for one in first]).values_list(
            "member_id", "net_365_fen"
        )
    )
    return AssignPage(
        store=store,
        unserved=people.count(),
        shown=[Unserved(person_of(one), _worth(worth.get(one.pk, 0))) for one in first],
        helpers=[one for one in everybody if not one.is_away],
        busy=sorted((one for one in everybody if one.open), key=lambda one: -one.open),
    )


def _worth(fen: int) -> str:
    if fen <= 0:
        return _("no purchase in a year")
    return _("%(money)s in a year") % {"money": yuan(fen)}


def _helpers(store: Store, now: datetime) -> list[Helper]:
    """Everybody posted in the store today, with what they have; one query."""
    served = ServingPeriod.objects.current().filter(guide_id=OuterRef("guide_id"))
    todo = TaskTarget.objects.open().opened_by(now).filter(guide_id=OuterRef("guide_id"))
    posted = stores.posted_with_duty(store_ids=[store.pk], day=clock.business_day(now))
    return [
        Helper(colleague(one.guide), one.served, one.todo, one.is_away)
        for one in posted.annotate(served=_count(served), todo=_count(todo))
    ]


def _count(rows: QuerySet[Any]) -> Coalesce:
    by_guide = rows.order_by().values("guide_id").annotate(n=Count("pk"))
    return Coalesce(Subquery(by_guide.values("n")), 0)


@dataclass(frozen=True, slots=True)
class WorkRow:
    target_id: int
    person: Person
    push_title: str
    chip: Chip
    may_move: bool
    friends: str


@dataclass(frozen=True, slots=True)
class WorkPage:
    """One guide's open customers in the store, and the colleagues who might take some."""

    person: Person
    rows: list[WorkRow]
    total: int
    helpers: list[Helper]


def work_page(*, guide: Guide, store: Store, now: datetime) -> WorkPage:
    """In four queries; the row names who else at work is TA's friend."""
    found = TaskTarget.objects.open().opened_by(now).filter(guide=guide, store=store)
    rows = list(found.select_related("member", "push").order_by("due_at", "pk")[:SHOWN])
    helpers = [one for one in _helpers(store, now) if not one.is_away and one.person.pk != guide.pk]
    names = {one.person.pk: one.person.name for one in helpers}
    friends: dict[int, list[str]] = defaultdict(list)
    follows = FollowRelation.objects.current().filter(
        guide_id__in=names, member_id__in=[one.member_id for one in rows]
    )
    for member_id, guide_id in follows.values_list("member_id", "guide_id").distinct():
        friends[member_id].append(names[guide_id])
    return WorkPage(
        person=colleague(guide),
        rows=[_work_row(one, sorted(friends[one.member_id]), now) for one in rows],
        total=_total(rows, found),
        helpers=helpers,
    )


def _total(rows: Sequence[Any], found: QuerySet[Any]) -> int:
    return found.count() if len(rows) == SHOWN else len(rows)


def _work_row(target: TaskTarget, friends: Sequence[str], now: datetime) -> WorkRow:
    sending = target.state == State.TO_VERIFY
    words = _("nobody else's friend")
    if friends:
        words = _("friend of %(names)s") % {"names": "、".join(friends)}
    return WorkRow(
        target_id=target.pk,
        person=person_of(target.member),
        push_title=target.push.title,
        chip=Chip("send", _("on its way"), "wait") if sending else due_chip(target.due_at, now=now),
        may_move=bool(friends) and not sending,
        friends=words,
    )


# --- 离职/调店 -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Goer:
    """Somebody who has gone: what is still theirs, and what has been handed over."""

    person: Person
    chip: Chip
    waiting: int
    open: int
    given: int


def _posted_here(store: Store, day: date) -> QuerySet[Posting]:
    return Posting.objects.by_store_on(day).filter(store=store, guide__status=Guide.Status.ACTIVE)


def _given(guide_ids: Sequence[int], store: Store, now: datetime) -> QuerySet[Any]:
    """What these guides handed over in the store lately: the periods that stand now, each with the
    guide of before as `before_id`."""
    before = ServingPeriod.objects.filter(
        member_id=OuterRef("member_id"), until=OuterRef("since"), guide_id__in=guide_ids
    )
    return (
        ServingPeriod.objects.current()
        .filter(store=store, reason=HANDED_OVER, since__gte=now - REMEMBERED)
        .annotate(before_id=before.values("guide_id")[:1])
        .filter(before_id__isnull=False)
    )


def goers(*, store: Store, now: datetime) -> list[Goer]:
    """Who left the store or the chain and still serves members here, or did lately; four
    queries."""
    day = clock.business_day(now)
    here = _posted_here(store, day).values("guide_id")
    theirs = ServingPeriod.objects.current().filter(store=store).exclude(guide_id__in=here)
    waiting = dict(theirs.order_by().values_list("guide_id").annotate(n=Count("pk")))
    once_here = Posting.objects.filter(store=store, guide__in=stores.gone(day=day).values("pk"))
    lately = once_here.exclude(guide_id__in=here).values("guide_id")
    guides = Guide.objects.filter(Q(pk__in=waiting) | Q(pk__in=lately))
    people = list(guides.order_by("-left_at", "name"))
    behind = following.left_behind(now=now).filter(store=store).order_by()
    work = dict(behind.values_list("guide_id").annotate(n=Count("pk")))
    given = Counter(
        _given([one.pk for one in people], store, now).values_list("before_id", flat=True)
    )
    return [
        Goer(
            person=colleague(one),
            chip=gone_chip(one),
            waiting=waiting.get(one.pk, 0),
            open=work.get(one.pk, 0),
            given=given[one.pk],
        )
        for one in people
    ]


def gone_chip(guide: Guide) -> Chip:
    if guide.status == Guide.Status.LEFT:
        return Chip("out", _("has left"), "late")
    return Chip("swap", _("works elsewhere"), "warn")


@dataclass(frozen=True, slots=True)
class Customer:
    person: Person
    chip: Chip
    words: str


@dataclass(frozen=True, slots=True)
class GoerPage:
    """One leaver: each customer's state as far as we know it."""

    person: Person
    chip: Chip
    waiting: int
    friends: int
    strangers: int
    open: int
    customers: list[Customer]
    helpers: list[Helper]
    may_plan: bool


def goer_page(*, guide: Guide, store: Store, now: datetime) -> GoerPage:
    """In seven queries. Whoever waits stands first, then who is nobody's friend yet."""
    theirs = ServingPeriod.objects.current().filter(guide=guide, store=store)
    follow = FollowRelation.objects.current().filter(
        member_id=OuterRef("member_id"), guide_id=OuterRef("guide_id")
    )
    given = _given([guide.pk], store, now).annotate(is_friend=Exists(follow))
    rows = list(given.select_related("member", "guide").order_by("is_friend", "pk")[:SHOWN])
    counts = Counter(given.values_list("is_friend", flat=True))
    waiting = list(theirs.select_related("member").order_by("pk")[:SHOWN])
    left, may_plan = _what_is_left(guide, store, now, has_customers=bool(waiting))
    return GoerPage(
        person=colleague(guide),
        chip=gone_chip(guide),
        waiting=_total(waiting, theirs),
        friends=counts[True],
        strangers=counts[False],
        open=left,
        customers=[
            *(Customer(person_of(one.member), _state("waiting"), "") for one in waiting),
            *(
                Customer(
                    person_of(one.member),
                    _state("friend" if one.is_friend else "stranger"),
                    _("now with %(name)s") % {"name": one.guide.name},
                )
                for one in rows
            ),
        ],
        helpers=[one for one in _helpers(store, now) if not one.is_away] if waiting else [],
        may_plan=may_plan,
    )


def _what_is_left(
    guide: Guide, store: Store, now: datetime, *, has_customers: bool
) -> tuple[int, bool]:
    """Open tasks that stayed with a leaver, and whether a handover can be planned: there are WeCom
    friends or groups to hand over, and none of theirs stands unfinished. One query."""
    work = following.left_behind(now=now).filter(guide=OuterRef("pk"), store=store)
    running = HandoverRun.objects.unfinished().filter(guide=OuterRef("pk"), store=store)
    friends = FollowRelation.objects.current().filter(guide=OuterRef("pk"))
    if has_customers:
        served = ServingPeriod.objects.current().filter(store=store, guide=guide)
        friends = friends.filter(member_id__in=served.values("member_id"))
    elif guide.status != Guide.Status.LEFT:
        friends = friends.none()
    groups = owned_groups(guide=guide, store=store)
    tasks = work.order_by().values("guide_id").annotate(n=Count("pk")).values("n")
    asked = Guide.objects.filter(pk=guide.pk).annotate(
        tasks=Coalesce(Subquery(tasks), 0),
        may_plan=ExpressionWrapper(
            ~Exists(running) & (Exists(friends) | Exists(groups)), BooleanField()
        ),
    )
    return asked.values_list("tasks", "may_plan").get()


def _state(code: str) -> Chip:
    return {
        "waiting": Chip("clock", _("to be handed over"), "warn"),
        "stranger": Chip("people", _("handed over, not a friend yet"), "wait"),
        "friend": Chip("ok", _("handed over, is a friend"), "ok"),
    }[code]


def gone_guide(*, guide_id: int, store: Store, now: datetime) -> Guide | None:
    """Somebody who worked in the store, or serves members of it, and is not posted here today."""
    here = _posted_here(store, clock.business_day(now)).values("guide_id")
    was_here = Posting.objects.filter(guide_id=OuterRef("pk"), store=store)
    serves = ServingPeriod.objects.current().filter(guide_id=OuterRef("pk"), store=store)
    found = Guide.objects.filter(Exists(was_here) | Exists(serves), pk=guide_id)
    return found.exclude(pk__in=here).first()
