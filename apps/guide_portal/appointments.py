"""预约 as guides' pages show it: who comes when, and what is still to be said about it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

from django.db.models import BigIntegerField, Case, DateTimeField, Exists, OuterRef, Q, When
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from apps.accounts.actor import Actor
from apps.accounts.scoped import Scoped
from apps.appointments.models import Appointment, Kind, Reason, State
from apps.appointments.selectors import note_of
from apps.appointments.services import CANCEL_REASONS, NOT_KEPT_REASONS
from apps.appointments.services.booking import OPEN_FROM, OPEN_UNTIL, QUARTER
from apps.core import clock
from apps.core.compiled import Place
from apps.core.shown import Shown
from apps.guide_portal import links
from apps.guide_portal.cards import Chip, person_of
from apps.guide_portal.customers import find_customer, own_word, served
from apps.guide_portal.templatetags.portal import hour_minute, month_day
from apps.members.models import Member
from apps.members.selectors import masked_name

WEEK = timedelta(days=7)
OFFERED_DAYS = 7
LISTED = 200
USUAL_TIME = "14:00"


@dataclass(frozen=True, slots=True)
class Row(Shown):
    """An appointment as a light row."""

    href: str
    name: str
    words: str
    due: Chip


@dataclass(frozen=True, slots=True)
class Line(Shown):
    """An appointment of the list. `asks`: its day is here, what became of it is open."""

    pk: int
    href: str
    head: str
    words: str
    chip: Chip
    asks: bool


@dataclass(frozen=True, slots=True)
class Part(Shown):
    """`more` says that this is not all."""

    head: str
    lines: list[Line]
    more: str = ""


@dataclass(frozen=True, slots=True)
class Detail(Shown):
    pk: int
    name: str
    # "" where TA's card is not the actor's to open
    card: str
    kind: str
    when: str
    place: str
    guide: str
    note: str
    chip: Chip
    reason: str
    is_booked: bool
    may_keep: bool
    may_miss: bool
    misses: list[tuple[str, str]]
    cancels: list[tuple[str, str]]


def is_own(actor: Actor) -> Exists:
    """Whether an appointment's customer is the actor's own. Who stands in for a day is not given
    the customer with it."""
    return Exists(served(actor).filter(pk=OuterRef("member__survivor_id")))


def shown_name(member: Member, *, whole: bool) -> str:
    if whole:
        return person_of(member).full_name
    return masked_name(member) or _("Customer without a name")


def survivor_of(member: Member) -> Member:
    """Who has the card; rows of merged people keep the one they were written for."""
    if member.survivor_id == member.pk:
        return member
    return Member.objects.filter(pk=member.survivor_id).first() or member


_LOOKS = {
    State.KEPT: ("ok", "ok"),
    State.NOT_KEPT: ("skip", ""),
    State.CANCELLED: ("skip", ""),
    State.UNSAID: ("note", ""),
}


def state_chip(row: Appointment, *, now: datetime) -> Chip:
    """The state as icon and word."""
    if row.state == State.BOOKED:
        return _time_chip(row.starts_at, now=now)
    icon, tone = _LOOKS[State(row.state)]
    return Chip(icon, str(row.get_state_display()), tone)


def _hindrance(row: Any, *, now: datetime) -> Chip | None:
    """What stands in the way of one to come, of rows `with_hindrances`."""
    if not row.is_booked or row.starts_at <= now:
        return None
    if row.is_shut:
        return Chip("alert", pgettext("appointment", "Store closed that day"), "late")
    if row.is_unattended:
        return Chip("alert", pgettext("appointment", "Guide not there"), "late")
    return None


def _chip_and_words(row: Any, *, now: datetime) -> tuple[Chip, list[str]]:
    """A row's chip, and its words, which say the time where the chip says something else."""
    words, hindered = [str(row.get_kind_display())], _hindrance(row, now=now)
    if hindered is None:
        return state_chip(row, now=now), words
    return hindered, [f"{month_day(row.starts_at)} {hour_minute(row.starts_at)}", *words]


def _time_chip(starts_at: datetime, *, now: datetime) -> Chip:
    if now > starts_at + timedelta(hours=1):
        return Chip("alert", pgettext("appointment", "Say how it went"), "warn")
    if clock.business_day(starts_at) == clock.business_day(now):
        return Chip("clock", hour_minute(starts_at), "warn")
    return Chip("clock", f"{month_day(starts_at)} {hour_minute(starts_at)}")


# --- on today's list and the customer's card ------------------------------------------------------


def _due(actor: Actor) -> Any:
    rows = Appointment.objects.booked().filter(
        guide_id=Place("guide", BigIntegerField()), starts_at__lt=Place("until", DateTimeField())
    )
    rows = rows.annotate(is_own=is_own(actor)).with_hindrances()
    return rows.select_related("member").order_by("starts_at", "pk")


_DUE = Scoped(_due)


def due_today(*, actor: Actor, guide_id: int, now: datetime) -> list[Row]:
    """Who comes today, and who came before and nobody said so; one small query."""
    until = clock.day_start(clock.business_day(now) + timedelta(days=1))
    return [_due_row(row, now) for row in _DUE.rows(actor, guide=guide_id, until=until)]


def _due_row(row: Any, now: datetime) -> Row:
    chip, words = _chip_and_words(row, now=now)
    return Row(
        href=links.numbered("appointment", row.pk),
        name=shown_name(row.member, whole=row.is_own),
        words=" · ".join(words),
        due=chip,
    )


def rows_of_card(found: Iterable[dict[str, Any]], *, actor: Actor, now: datetime) -> list[Row]:
    """What a customer has booked, with whomever; a page behind it where the actor may see one."""
    kinds = dict(Kind.choices)
    return [
        Row(
            href=links.numbered("appointment", one["pk"])
            if one["guide_id"] == actor.guide_id or one["store_id"] in actor.store_ids
            else "",
            name=str(kinds.get(one["what"], "")),
            words=f"{one['store']} · {own_word(one['guide_id'], one['guide'], actor)}",
            due=_time_chip(one["at"], now=now),
        )
        for one in found
    ]


# --- the list -------------------------------------------------------------------------------------


def parts_of(*, actor: Actor, now: datetime) -> list[Part]:
    """Today, what waits for a word, and the next seven days; a manager's colleagues after that, cut
    apart from one's own. One query each."""
    begin, end = clock.day_bounds(clock.business_day(now))
    own, leads = Q(guide_id=actor.guide_id or 0), actor.sees_all or actor.store_ids
    mine = _by_day(_listed(actor, own, begin, end), begin, end, now, "")
    if not (leads or actor.region_ids):
        return mine
    others = _listed(actor, ~own, begin, end)
    return [*mine, *_by_day(others, begin, end, now, _("Colleagues") + " · ")]


def _listed(actor: Actor, whose: Q, begin: datetime, end: datetime) -> list[Any]:
    """One more than are shown, so that a cut is seen; it never cuts today."""
    today = Q(starts_at__gte=begin, starts_at__lt=end)
    rank = Case(When(today, then=0), When(starts_at__lt=begin, then=1), default=2)
    rows = (
        Appointment.objects.visible_to(actor)
        .filter(whose, Q(state=State.BOOKED) | today)
        .filter(starts_at__gte=begin - WEEK, starts_at__lt=end + WEEK)
        .annotate(is_own=is_own(actor), rank=rank)
        .with_hindrances()
        .select_related("member", "guide")
    )
    return list(rows.order_by("rank", "starts_at", "pk")[: LISTED + 1])


def _by_day(
    rows: Sequence[Any], begin: datetime, end: datetime, now: datetime, whose: str
) -> list[Part]:
    shown = rows[:LISTED]
    parts = [
        (pgettext("appointment", "Today"), [row for row in shown if begin <= row.starts_at < end]),
        (_("Waiting for a word"), [row for row in shown if row.starts_at < begin]),
        (_("Next 7 days"), [row for row in shown if row.starts_at >= end]),
    ]
    found = [
        Part(whose + head, [_line(row, now, end, with_guide=bool(whose)) for row in those])
        for head, those in parts
        if those
    ]
    if len(rows) > LISTED:
        words = _("There are more; the first %(n)s are shown.") % {"n": LISTED}
        found[-1] = replace(found[-1], more=words)
    return found


def _line(row: Any, now: datetime, end: datetime, *, with_guide: bool) -> Line:
    chip, words = _chip_and_words(row, now=now)
    if with_guide:
        words.append(row.guide.name)
    return Line(
        pk=row.pk,
        href=links.numbered("appointment", row.pk),
        head=shown_name(row.member, whole=row.is_own),
        words=" · ".join(words),
        chip=chip,
        asks=row.is_booked and row.starts_at < end,
    )


# --- one, and a new one ---------------------------------------------------------------------------


def detail_of(row: Appointment, *, actor: Actor, now: datetime) -> Detail:
    labels = dict(Reason.choices)
    day_has_come = clock.business_day(row.starts_at) <= clock.business_day(now)
    customer = survivor_of(row.member)
    may_open = find_customer(actor=actor, public_id=customer.public_id) is not None
    return Detail(
        pk=row.pk,
        name=shown_name(customer, whole=may_open),
        card=person_of(customer).href if may_open else "",
        kind=str(row.get_kind_display()),
        when=f"{month_day(row.starts_at)} {hour_minute(row.starts_at)}",
        place=row.store.name,
        guide=own_word(row.guide_id, row.guide.name, actor),
        note=note_of(row),
        chip=state_chip(row, now=now),
        reason=str(labels.get(row.reason, "")),
        is_booked=row.is_booked,
        may_keep=row.is_booked and day_has_come,
        may_miss=row.is_booked and row.starts_at <= now,
        misses=[(reason.value, str(reason.label)) for reason in NOT_KEPT_REASONS],
        cancels=[(reason.value, str(reason.label)) for reason in CANCEL_REASONS],
    )


def offered_days(*, now: datetime) -> list[tuple[str, str]]:
    """The next seven days, today first."""
    today = clock.business_day(now)
    named = {0: _("Today"), 1: _("Tomorrow")}
    days = [today + timedelta(days=n) for n in range(OFFERED_DAYS)]
    return [(day.isoformat(), named.get(n) or _day_words(day)) for n, day in enumerate(days)]


def _day_words(day: date) -> str:
    words = (_("Mon"), _("Tue"), _("Wed"), _("Thu"), _("Fri"), _("Sat"), _("Sun"))
    return _("%(weekday)s %(day)s") % {"weekday": words[day.weekday()], "day": month_day(day)}


def offered_times() -> list[str]:
    first = OPEN_FROM.hour * 60 + OPEN_FROM.minute
    last = OPEN_UNTIL.hour * 60 + OPEN_UNTIL.minute
    return [f"{n // 60:02}:{n % 60:02}" for n in range(first, last, QUARTER)]
