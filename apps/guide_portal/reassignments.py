"""接手 as pages show it: who came to whom, why, from when, and the next step for each."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Exists, F, OuterRef, QuerySet
from django.utils.translation import gettext as _

from apps.accounts.actor import Actor
from apps.core import clock
from apps.guide_portal import links
from apps.guide_portal.cards import Chip, Person, due_chip, person_of
from apps.guide_portal.customers import served
from apps.guide_portal.templatetags.portal import month_day
from apps.guide_tasks.models import TaskTarget
from apps.handovers import selectors
from apps.handovers.models import Reassignment
from apps.handovers.services.giving import title_of, words_of
from apps.members.models import FollowRelation, FollowUp, Interaction, ServingPeriod
from apps.stores import selectors as stores

State = Reassignment.State
LISTED = 50
_CHIPS = {
    State.WAITING: ("clock", "warn"),
    State.ACCEPTED: ("ok", "ok"),
    State.QUESTIONED: ("alert", "late"),
    State.SETTLED: ("ok", "ok"),
    State.OVER: ("skip", ""),
}


@dataclass(frozen=True, slots=True)
class Line:
    """One reassignment on the guide's list."""

    href: str
    head: str
    words: str
    chip: Chip


@dataclass(frozen=True, slots=True)
class Step:
    """One customer and what comes next with TA."""

    href: str
    name: str
    words: str
    chip: Chip


@dataclass(frozen=True, slots=True)
class Page:
    """One reassignment, for who received it (`is_mine`) and for who leads the store (`decide`)."""

    pk: int
    head: str
    why: str
    when: str
    by: str
    chip: Chip
    said: str
    word: str
    customers: int
    steps: list[Step]
    more: str
    is_mine: bool
    may_accept: bool
    may_question: bool
    decide: "Decision | None"


@dataclass(frozen=True, slots=True)
class Decision:
    """For the manager: who received how many, and who else might take them."""

    pk: int
    person: Person
    title: str
    words: str
    is_cover: bool
    colleagues: list[Person]


def to_accept(guide_id: Any, *, day: Any) -> QuerySet[Reassignment]:
    """What this guide has not said yes to; `guide_id` and `day` may be places for them."""
    return Reassignment.objects.waits_for(guide_id, day)


def given_words(customers: Sequence[int]) -> str:
    """有 12 位顾客来到你这里, "" for nobody."""
    if not customers:
        return ""
    return _("%(n)s customers come to you") % {"n": sum(customers)}


def given_of(*, guide_id: int, now: datetime) -> str:
    """One query."""
    rows = to_accept(guide_id, day=clock.business_day(now))
    return given_words(list(rows.values_list("customers", flat=True)))


def chip_of(row: Reassignment) -> Chip:
    icon, tone = _CHIPS[State(row.state)]
    return Chip(icon, str(row.get_state_display()), tone)


def lines_of(*, guide_id: int, now: datetime) -> list[Line]:
    """One query."""
    return [
        Line(
            href=links.numbered("reassignment", row.pk),
            head=title_of(row),
            words=f"{_when(row)} · {row.get_kind_display()}",
            chip=chip_of(row),
        )
        for row in selectors.reassignments_of(guide_id=guide_id, now=now)
    ]


def _when(row: Reassignment) -> str:
    if row.until_on is not None and row.until_on > row.from_on:
        return f"{month_day(row.from_on)}–{month_day(row.until_on)}"
    if row.is_cover:
        return month_day(row.from_on)
    return _("since %(day)s") % {"day": month_day(row.given_at)}


def page_of(row: Reassignment, *, actor: Actor, now: datetime) -> Page:
    """Four queries at most, whatever the number of customers."""
    steps = _work_steps(row, now) if row.is_cover else _steps(row, actor, now)
    mine = row.guide_id == actor.guide_id
    open_ = row.state in (State.WAITING, State.QUESTIONED)
    return Page(
        pk=row.pk,
        head=title_of(row) if mine else _led_title(row),
        why=words_of(row) if mine else _led_words(row),
        when=_when(row),
        by=_by(row, actor),
        chip=chip_of(row),
        said=row.said,
        word=row.word,
        customers=row.customers,
        steps=steps[:LISTED],
        more=_("There are more; the first %(n)s are shown.") % {"n": LISTED}
        if len(steps) > LISTED
        else "",
        is_mine=mine,
        may_accept=mine and open_,
        may_question=mine and row.state == State.WAITING,
        decide=_decision(row, now) if open_ and not mine else None,
    )


def _led_title(row: Reassignment) -> str:
    """For who leads the store: whose they are now."""
    return f"{row.guide.name} · {_('%(n)s customers') % {'n': row.customers}}"


def _led_words(row: Reassignment) -> str:
    whose = row.from_guide.name if row.from_guide else ""
    return " · ".join(filter(None, (str(row.get_kind_display()), whose)))


def _by(row: Reassignment, actor: Actor) -> str:
    if row.given_by == actor.label:
        return _("you")
    if row.given_by.startswith("guide:"):
        return _("the store manager")
    return _("head office") if row.given_by.startswith("user:") else _("system")


def _steps(row: Reassignment, actor: Actor, now: datetime) -> list[Step]:
    """Open work first, then dates to follow up, then who is to be greeted; one query."""
    given = selectors.customers_given(row)
    of_guide = {"guide": row.guide_id, "member_id": OuterRef("pk")}
    work = TaskTarget.objects.open().opened_by(now).filter(**of_guide).order_by("due_at")
    follow_up = FollowUp.objects.standing().filter(**of_guide)
    friend = FollowRelation.objects.current().filter(**of_guide)
    talked = Interaction.objects.filter(**of_guide, occurred_at__gte=row.given_at)
    theirs = ServingPeriod.objects.current().filter(**of_guide)
    people = served(actor).filter(Exists(theirs) | Exists(friend), pk__in=given)
    rows = people.annotate(
        target=work.values("pk")[:1],
        due_at=work.values("due_at")[:1],
        follow_on=follow_up.values("due_on")[:1],
        is_friend=Exists(friend),
        has_talked=Exists(talked),
    )
    order = F("due_at").asc(nulls_last=True), F("follow_on").asc(nulls_last=True)
    return [_step(one, now) for one in rows.order_by(*order, "has_talked", "pk")[: LISTED + 1]]


def _step(one: Any, now: datetime) -> Step:
    person = person_of(one)
    if one.target is not None:
        href, words = links.numbered("target", one.target), _("A task waits")
        return Step(href, person.full_name, words, due_chip(one.due_at, now=now))
    if one.follow_on is not None:
        words = _("Follow up on %(day)s") % {"day": month_day(one.follow_on)}
        late = "late" if one.follow_on < clock.business_day(now) else ""
        return Step(person.href, person.full_name, words, Chip("clock", _("follow up"), late))
    if one.has_talked:
        words = _("You have been in touch")
        return Step(person.href, person.full_name, words, Chip("ok", _("greeted"), "ok"))
    if one.is_friend:
        href = links.of_person("message", person.public_id)
        words = _("Your WeCom friend: say who you are")
        return Step(href, person.full_name, words, Chip("chat", _("say hello")))
    words = _("Not your WeCom friend yet: add TA when TA is in the store")
    return Step(person.href, person.full_name, words, Chip("plus", _("to be added")))


def _work_steps(row: Reassignment, now: datetime) -> list[Step]:
    """A cover gives work, not customers: what is open with them of the colleague's; one query."""
    theirs = ServingPeriod.objects.current().filter(
        guide=row.from_guide_id, member_id=OuterRef("member__survivor_id")
    )
    work = TaskTarget.objects.open().opened_by(now).filter(Exists(theirs), guide=row.guide_id)
    found = work.select_related("member", "push").order_by("due_at", "pk")[: LISTED + 1]
    return [
        Step(
            href=links.numbered("target", one.pk),
            name=person_of(one.member).full_name,
            words=one.push.title,
            chip=due_chip(one.due_at, now=now),
        )
        for one in found
    ]


# --- the manager's word ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Questioned:
    """What a guide cannot accept as it is: a light row that leads to where it is answered."""

    href: str
    person: Person
    words: str
    said: str


def questioned_rows(*, actor: Actor) -> list[Questioned]:
    """What waits for the actor's word, the oldest first; one query."""
    rows = Reassignment.objects.of_others(actor).questioned().select_related("guide", "from_guide")
    return [
        Questioned(
            href=links.numbered("reassignment", row.pk),
            person=Person(pk=row.guide_id, public_id=None, name=row.guide.name),
            words=f"{_('%(n)s customers') % {'n': row.customers}} · {_led_words(row)}",
            said=row.said,
        )
        for row in rows.order_by("answered_at", "pk")[:LISTED]
    ]


def _decision(row: Reassignment, now: datetime) -> Decision:
    return Decision(
        pk=row.pk,
        person=Person(pk=row.guide_id, public_id=None, name=row.guide.name),
        title=_("%(n)s customers") % {"n": row.customers},
        words=f"{row.get_kind_display()} · {_when(row)}",
        is_cover=row.is_cover,
        colleagues=[] if row.is_cover else _colleagues(row, now),
    )


def _colleagues(row: Reassignment, now: datetime) -> list[Person]:
    """Who else is at work there today."""
    day = clock.business_day(now)
    return [
        Person(pk=one.guide_id, public_id=None, name=one.guide.name)
        for one in stores.posted_with_duty(store_ids=[row.store_id], day=day)
        if not one.is_away and one.guide_id != row.guide_id
    ]
