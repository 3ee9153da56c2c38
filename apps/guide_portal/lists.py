"""待跟进, 售后关怀, 生日, 新客, 好久没来, 还没加好友: lists with an end, each row with its reason.

Each list is one question to the database, whatever the number of customers; the tab's numbers are
one question for all of them.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import (
    BigIntegerField,
    Case,
    DateField,
    DateTimeField,
    Exists,
    ExpressionWrapper,
    F,
    IntegerField,
    Model,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Value,
    When,
)
from django.db.models.functions import Coalesce
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from apps.accounts.actor import Actor
from apps.accounts.scoped import Scoped
from apps.core import clock
from apps.core.compiled import Place, fill, with_constants
from apps.core.prepared import read
from apps.core.shown import Shown
from apps.guide_portal import links
from apps.guide_portal.cards import SENDABLE, Chip, Person, due_chip, person_of
from apps.guide_portal.customers import served
from apps.guide_portal.templatetags.portal import month_day, yuan
from apps.guide_tasks.models import TaskPush, TaskTarget
from apps.guide_tasks.services.personal import PERSONAL
from apps.members.models import (
    Consent,
    FollowRelation,
    FollowUp,
    Interaction,
    Member,
    StopMark,
)
from apps.orders.models import Order
from apps.outreach.models import DispatchRecipient
from apps.profiles.models import MemberFacts, MemberProfile, Stage

PAGE = 20
BIRTHDAY_DAYS = 7
YEAR = 365
UNLINKED_DAYS = 30
TALK = (Interaction.Kind.MESSAGE, Interaction.Kind.CHAT_OPENED, Interaction.Kind.VISIT)
WRITTEN = (Interaction.Kind.MESSAGE, Interaction.Kind.CHAT_OPENED)


@dataclass(frozen=True, slots=True)
class Terms:
    """After how many days somebody is due, and how long a day's list of silent ones may be."""

    purchase_days: int
    contact_days: int
    most_silent: int
    most: int

    @classmethod
    def current(cls) -> "Terms":
        return cls(
            purchase_days=settings.DUE_AFTER_PURCHASE_DAYS,
            contact_days=settings.DUE_AFTER_CONTACT_DAYS,
            most_silent=settings.SILENT_A_DAY,
            most=settings.LONGEST_LIST,
        )


@dataclass(frozen=True, slots=True)
class Row(Shown):
    """One customer: why TA stands here, and the one tap to TA."""

    person: Person
    words: str
    chip: Chip | None
    message_href: str
    off: str


@dataclass(frozen=True, slots=True)
class Entry(Shown):
    """One list of the tab, with how many stand in it."""

    code: str
    label: str
    hint: str
    icon: str
    count: int
    href: str
    is_full: bool


@dataclass(frozen=True, slots=True)
class _Question:
    """Whose lists, when, among whom. To the finders the values may as well be places for them."""

    guide_id: Any
    now: Any
    today: date
    terms: Terms
    own: QuerySet[Member]

    @classmethod
    def of(cls, actor: Actor, now: datetime) -> "_Question":
        return cls(
            guide_id=actor.guide_id or 0,
            now=now,
            today=clock.business_day(now),
            terms=Terms.current(),
            own=_wanted(actor),
        )


# --- who stands in which list ---------------------------------------------------------------------


def _wanted(actor: Actor) -> QuerySet[Member]:
    """Own customers but those who asked to be left alone."""
    stopped = StopMark.objects.current().filter(member_id=OuterRef("pk"))
    return served(actor).filter(~Exists(stopped))


def _talked(since: datetime, kinds: Iterable[str] = TALK) -> Exists:
    talks = Interaction.objects.filter(member_id=OuterRef("pk"), kind__in=list(kinds))
    return Exists(talks.filter(occurred_at__gte=since))


def _column(model: type[Model], name: str, **more: Any) -> Subquery:
    rows = model._default_manager.filter(member_id=OuterRef("pk"), **more)
    return Subquery(rows.values(name)[:1])


def _due(asked: _Question) -> QuerySet[Member]:
    """The guide's own dates first; then who is due by days since the purchase and since the last
    contact: TA's own rhythm where it is known."""
    promised = FollowUp.objects.standing().filter(
        member_id=OuterRef("pk"), guide_id=asked.guide_id, due_on__lte=asked.today
    )
    silence = asked.now - timedelta(days=asked.terms.contact_days)
    gap = Coalesce(_column(MemberFacts, "usual_gap_days"), Value(asked.terms.purchase_days))
    expected = ExpressionWrapper(
        Value(asked.today, output_field=DateField()) - F("gap"), output_field=DateField()
    )
    # in this order: most customers are away, and of those nothing more is asked
    is_here = Q(stage__in=(Stage.NEW, Stage.ACTIVE))
    by_days = is_here & Q(last_on__lte=expected) & ~_talked(silence)
    return (
        asked.own.annotate(
            promised=Subquery(promised.values("due_on")[:1]),
            gap=gap,
            stage=_column(MemberProfile, "stage"),
            last_on=_column(MemberProfile, "last_order_on"),
            value=_column(MemberProfile, "net_365_fen"),
        )
        .filter(Q(promised__isnull=False) | by_days)
        .order_by(F("promised").asc(nulls_last=True), F("value").desc(nulls_last=True), "pk")
    )


def _care(asked: _Question) -> QuerySet[Member]:
    """Who bought some days ago and was not asked since: the guide's own after-care that the rules
    made and nobody has begun to wait for. What is due first stands first."""
    steps = TaskTarget.objects.filter(
        guide_id=asked.guide_id,
        state__in=SENDABLE,
        opens_at__lte=asked.now,
        push__kind=TaskPush.Kind.CARE,
    )
    first = steps.filter(member_id=OuterRef("pk")).order_by("due_at", "pk")
    return (
        asked.own.filter(pk__in=steps.order_by().values("member_id"))
        .annotate(
            target_id=Subquery(first.values("pk")[:1]),
            why=Subquery(first.values("why")[:1]),
            due_at=Subquery(first.values("due_at")[:1]),
        )
        .order_by("due_at", "pk")
    )


def _birthdays(asked: _Question) -> QuerySet[Member]:
    """Of those who agreed, today's first; who has 29 February is congratulated on the 28th of
    other years."""
    days = [asked.today + timedelta(days=number) for number in range(BIRTHDAY_DAYS + 1)]
    places: list[When] = []
    for number, day in enumerate(days):
        own = Q(birth_month=day.month, birth_day=day.day)
        if (day.month, day.day) == (2, 28) and (day + timedelta(days=1)).day == 1:
            own |= Q(birth_month=2, birth_day=29)
        places.append(When(own, then=Value(number)))
    last_year = Interaction.objects.filter(
        member_id=OuterRef("pk"),
        kind__in=TALK,
        occurred_at__gte=asked.now - timedelta(days=YEAR + BIRTHDAY_DAYS),
        occurred_at__lt=asked.now - timedelta(days=YEAR - 2 * BIRTHDAY_DAYS),
    )
    agreed = Consent.objects.valid().filter(
        purpose=Consent.Purpose.BIRTHDAY, member__survivor_id=OuterRef("pk")
    )
    return (
        asked.own.filter(Exists(agreed), birth_month__isnull=False)
        .annotate(
            ahead=Case(*places, output_field=IntegerField()),
            last_year=ArraySubquery(last_year.order_by("-occurred_at").values("kind")[:1]),
            greeted=_talked(asked.now - timedelta(days=BIRTHDAY_DAYS), WRITTEN),
        )
        .filter(ahead__isnull=False)
        .order_by("greeted", "ahead", "pk")
    )


def _new(asked: _Question) -> QuerySet[Member]:
    """Joined, or became a friend of this guide, since yesterday, and nobody has greeted TA."""
    since = clock.day_start(asked.today - timedelta(days=1))
    friends = FollowRelation.objects.current().filter(guide_id=asked.guide_id, since__gte=since)
    own_since = friends.filter(member_id=OuterRef("pk")).values("since")[:1]
    is_new = Q(joined_at__gte=since) | Q(pk__in=friends.values("member_id"))
    return (
        asked.own.annotate(friend_since=Subquery(own_since))
        .filter(is_new, ~_talked(since, WRITTEN))
        .order_by("-pk")
    )


def _away(asked: _Question) -> QuerySet[Member]:
    """Silent ones whom nobody talked to lately, by what they spend in a year, then by all."""
    silence = asked.now - timedelta(days=asked.terms.contact_days)
    return (
        asked.own.annotate(
            stage=_column(MemberProfile, "stage"),
            last_on=_column(MemberProfile, "last_order_on"),
            value=_column(MemberProfile, "net_365_fen"),
            all_time=_column(MemberProfile, "net_fen"),
        )
        .filter(~_talked(silence), stage__in=(Stage.SILENT, Stage.LOST))
        .order_by(F("value").desc(nulls_last=True), F("all_time").desc(nulls_last=True), "pk")
    )


def _unlinked(asked: _Question) -> QuerySet[Member]:
    """Bought lately and is nobody's WeCom friend."""
    friends = FollowRelation.objects.current().filter(member_id=OuterRef("pk"))
    bought = Order.objects.filter(
        member_id=OuterRef("pk"),
        kind=Order.Kind.SALE,
        paid_at__gte=asked.now - timedelta(days=UNLINKED_DAYS),
    )
    return (
        asked.own.filter(~Exists(friends))
        .annotate(bought_at=Subquery(bought.order_by("-paid_at").values("paid_at")[:1]))
        .filter(bought_at__isnull=False)
        .order_by("-bought_at", "pk")
    )


# --- the words of a row ---------------------------------------------------------------------------


def _due_words(member: Any, asked: _Question) -> str:
    if member.promised is not None:
        late = (asked.today - member.promised).days
        if late:
            return _("You wanted to turn to TA on %(day)s") % {"day": month_day(member.promised)}
        return _("You wanted to turn to TA today")
    days = {"n": (asked.today - member.last_on).days, "usual": member.gap}
    last = member.last_talk_at
    if last is None:
        return _("Bought %(n)s days ago, usually again after %(usual)s; nobody has written") % days
    quiet = (asked.today - clock.business_day(last)).days
    return _("Bought %(n)s days ago, usually again after %(usual)s; quiet for %(quiet)s days") % {
        **days,
        "quiet": quiet,
    }


def _care_words(member: Any, asked: _Question) -> str:
    return str(member.why)


def _birthday_words(member: Any, asked: _Question) -> str:
    kinds = {
        Interaction.Kind.MESSAGE: _("last year: a message"),
        Interaction.Kind.CHAT_OPENED: _("last year: a chat"),
        Interaction.Kind.VISIT: _("last year: TA was in the shop"),
    }
    then = kinds.get(member.last_year[0]) if member.last_year else _("last year: nothing")
    day = _("%(month)s/%(day)s") % {"month": member.birth_month, "day": member.birth_day}
    return _("Birthday %(day)s · %(then)s") % {"day": day, "then": then}


def _new_words(member: Any, asked: _Question) -> str:
    if member.friend_since is not None:
        return _("Became your WeCom friend on %(day)s, not greeted yet") % {
            "day": month_day(member.friend_since)
        }
    return _("Joined on %(day)s, not greeted yet") % {"day": month_day(member.joined_at)}


def _away_words(member: Any, asked: _Question) -> str:
    days = (asked.today - member.last_on).days if member.last_on else 0
    return _("Away for %(n)s days, %(total)s in all") % {"n": days, "total": yuan(member.all_time)}


def _unlinked_words(member: Any, asked: _Question) -> str:
    return _("Bought on %(day)s, not a WeCom friend yet") % {"day": month_day(member.bought_at)}


def _care_chip(member: Any, asked: _Question) -> Chip:
    return due_chip(member.due_at, now=asked.now)


def _ahead_chip(member: Any, asked: _Question) -> Chip:
    if member.greeted:
        return Chip("ok", _("greeted"), "ok")
    named = {0: _("today"), 1: _("tomorrow")}
    word = named.get(member.ahead) or _("in %(n)s days") % {"n": member.ahead}
    return Chip("bell", word, "warn" if member.ahead < 2 else "")


@dataclass(frozen=True, slots=True)
class _List:
    find: Callable[[_Question], QuerySet[Member]]
    words: Callable[[Any, _Question], str]
    icon: str
    chip: Callable[[Any, _Question], Chip | None] = lambda member, asked: None


_LISTS: dict[str, _List] = {
    "due": _List(_due, _due_words, "clock"),
    "care": _List(_care, _care_words, "bag", _care_chip),
    "birthday": _List(_birthdays, _birthday_words, "bell", _ahead_chip),
    "new": _List(_new, _new_words, "plus"),
    "silent": _List(_away, _away_words, "people"),
    "unlinked": _List(_unlinked, _unlinked_words, "link"),
}
CODES = tuple(_LISTS)


def label_of(code: str) -> str:
    return {
        "due": _("To turn to"),
        "care": pgettext("list", "After-purchase care"),
        "birthday": _("Birthdays"),
        "new": _("New customers"),
        "silent": _("Not seen for long"),
        "unlinked": _("No WeCom friend yet"),
    }[code]


def hint_of(code: str, terms: Terms) -> str:
    """Who stands in this list, in one sentence."""
    return {
        "due": _("Your own dates, then who usually buys again about now and heard nothing lately"),
        "care": _("Bought some days ago, not asked since"),
        "birthday": _("The next 7 days"),
        "new": _("Since yesterday, not greeted yet"),
        "silent": _("The %(n)s who spent most, and whom nobody wrote to lately")
        % {"n": terms.most_silent},
        "unlinked": _("Bought in the last 30 days"),
    }[code]


# --- the tab and one list -------------------------------------------------------------------------


def _most(code: str, terms: Terms) -> int:
    return terms.most_silent if code == "silent" else terms.most


def entries(*, actor: Actor, now: datetime) -> list[Entry]:
    """The lists with their numbers: one query for all of them."""
    today, terms = clock.business_day(now), Terms.current()
    counts = _count_all(actor, now, today, terms)
    return [
        Entry(
            code=code,
            label=label_of(code),
            hint=hint_of(code, terms),
            icon=_LISTS[code].icon,
            count=count,
            href=reverse("guide_portal:customer_list", args=[code]),
            is_full=count >= _most(code, terms) and code != "silent",
        )
        for code, count in zip(CODES, counts, strict=True)
    ]


# what the lists read of a customer's own row: found once, not once for each list
_READ = ("id", "birth_month", "birth_day", "joined_at")
_OWN = Scoped(lambda actor: _wanted(actor).order_by().values_list(*_READ))
_COLUMNS = ", ".join(_READ)
_NOBODY = f"SELECT {_COLUMNS} FROM members_member WHERE false"
# what a query over all members reads from, and what its count for one guide reads instead
_FROM_ALL = ' FROM "members_member" '
_FROM_OWN = ' FROM own AS "members_member" '


def _count_all(actor: Actor, now: datetime, today: date, terms: Terms) -> list[int]:
    own, params = _OWN.statement(actor)
    counting, places = _counting(today, terms)
    values = fill(places, {"guide": actor.guide_id or 0, "now": now})
    own_rows = f"own ({_COLUMNS}) AS MATERIALIZED ({own or _NOBODY})"
    found = read(f"WITH {own_rows} {counting}", [*params, *values])
    return list(found[0])


@lru_cache(maxsize=4)
def _counting(today: date, terms: Terms) -> tuple[str, list[Any]]:
    """The numbers of all lists among the rows in `own`: the same for everybody the whole day, and
    so long that it is written once. Only the outermost table is replaced: a list may look among
    all members for whatever else it asks."""
    asked = _Question(
        guide_id=Place("guide", BigIntegerField()),
        now=Place("now", DateTimeField()),
        today=today,
        terms=terms,
        own=Member.objects.all(),
    )
    parts: list[str] = []
    params: list[Any] = []
    for code, one in _LISTS.items():
        listed = one.find(asked).order_by().values("pk")[: _most(code, terms)]
        sql, values = listed.query.sql_with_params()
        selected, from_all, rest = sql.partition(_FROM_ALL)
        assert from_all, f"The list {code} does not read members: it would count nobody's rows."
        parts.append(f"(SELECT count(*) FROM ({selected}{_FROM_OWN}{rest}) AS listed)")
        params += values
    return with_constants("SELECT " + ", ".join(parts), params)


def list_page(*, code: str, actor: Actor, page: int, now: datetime) -> tuple[list[Row], int | None]:
    """One page of a list and the number of the next; None at its end."""
    asked = _Question.of(actor, now)
    one, most = _LISTS[code], _most(code, asked.terms)
    first = (page - 1) * PAGE
    if not 0 <= first < most:
        return [], None
    found = list(_with_reach(one.find(asked), asked)[first : min(first + PAGE + 1, most)])
    more = page + 1 if len(found) > PAGE else None
    return [_row(member, code, asked) for member in found[:PAGE]], more


def _with_reach(members: QuerySet[Member], asked: _Question) -> QuerySet:
    """Whether this guide can write to TA now, and when anybody last talked with TA."""
    own = {"member_id": OuterRef("pk")}
    waiting = DispatchRecipient.objects.filter(
        **own,
        dispatch__guide_id=asked.guide_id,
        source__startswith=PERSONAL,
        state=DispatchRecipient.State.WAITING,
    )
    friends = FollowRelation.objects.current().filter(**own, guide_id=asked.guide_id)
    talks = Interaction.objects.filter(**own, kind__in=TALK).order_by("-occurred_at")
    return members.annotate(
        is_friend=Exists(friends),
        is_waiting=Exists(waiting),
        last_talk_at=Subquery(talks.values("occurred_at")[:1]),
    )


def _row(member: Any, code: str, asked: _Question) -> Row:
    one = _LISTS[code]
    return Row(
        person=person_of(member),
        words=one.words(member, asked),
        chip=one.chip(member, asked),
        message_href=_main_tap(member, code),
        off=_("Waiting for WeCom's result") if member.is_waiting else "",
    )


def _main_tap(member: Any, code: str) -> str:
    """To TA: through the work where the row is one, so that its proof counts there."""
    if not member.is_friend:
        return f"{links.of_person('customer', member.public_id)}#friend"
    if code == "care":
        return links.numbered("target", member.target_id)
    return f"{links.of_person('message', member.public_id)}?for={code}"
