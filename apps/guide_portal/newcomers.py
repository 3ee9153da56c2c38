"""新人前 30 天 as the phone shows it: what is next, what has ticked, who is new in the team."""

from dataclasses import dataclass
from datetime import datetime

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from apps.accounts.actor import Actor
from apps.accounts.modules import is_address_on
from apps.core.shown import Shown
from apps.guide_portal import links
from apps.guide_portal.cards import Chip
from apps.newcomers import selectors
from apps.newcomers.models import PlanStep


@dataclass(frozen=True, slots=True)
class StepRow(Shown):
    """`asks`: only their own word counts, and it is not said yet."""

    pk: int
    title: str
    words: str
    when: str
    chip: Chip
    href: str
    asks: bool


@dataclass(frozen=True, slots=True)
class FirstDays(Shown):
    day: int
    done: int
    total: int
    next: StepRow | None
    rows: list[StepRow]


@dataclass(frozen=True, slots=True)
class TeamRow(Shown):
    name: str
    words: str
    next: str
    chip: Chip


def first_days(*, guide_id: int, actor: Actor, now: datetime) -> FirstDays | None:
    """A guide's own page; None who is not new, or where there is no plan."""
    found = selectors.newcomer(guide_id=guide_id, actor=actor, now=now)
    if found is None:
        return None
    rows = [_row(state, found.day) for state in found.steps]
    ahead = found.next
    return FirstDays(
        day=found.day,
        done=found.done,
        total=len(rows),
        next=next((row for row in rows if ahead and row.pk == ahead.step.pk), None),
        rows=rows,
    )


def _row(state: selectors.StepState, day: int) -> StepRow:
    step = state.step
    return StepRow(
        pk=step.pk,
        title=step.title,
        words=step.words,
        when=_("by day %(n)s") % {"n": step.day},
        chip=_chip(state, day),
        href="" if state.is_done else _href(step),
        asks=step.proof == PlanStep.Proof.TOLD and not state.is_done,
    )


def _chip(state: selectors.StepState, day: int) -> Chip:
    if state.is_done:
        return Chip("ok", pgettext("newcomer", "done"), "ok")
    if state.step.day < day:
        return Chip("clock", pgettext("newcomer", "make up for it"), "late")
    if state.step.number > 1:
        numbers = {"n": state.count, "of": state.step.number}
        return Chip("ring", pgettext("newcomer", "%(n)s of %(of)s") % numbers)
    return Chip("ring", pgettext("newcomer", "to do"))


def _href(step: PlanStep) -> str:
    """Where it is done; nothing where that part of the product is left out."""
    if step.proof == PlanStep.Proof.NEWS and step.news_id is not None:
        return links.numbered("news_piece", step.news_id)
    if step.page and is_address_on(f"guide_portal:{step.page}"):
        return reverse(f"guide_portal:{step.page}")
    return ""


def team_newcomers(*, actor: Actor, now: datetime) -> list[TeamRow]:
    """Who is new in the team, the newest first."""
    found = selectors.newcomers(actor=actor, now=now)
    several = len({one.store for one in found}) > 1
    return [_team_row(one, several=several) for one in found]


def _team_row(one: selectors.Newcomer, *, several: bool) -> TeamRow:
    numbers = {"day": one.day, "done": one.done, "all": len(one.steps)}
    words = _("Day %(day)s, %(done)s of %(all)s done") % numbers
    ahead = one.next
    chip = Chip("ok", pgettext("newcomer", "on time"), "ok")
    if one.late:
        chip = Chip("clock", pgettext("newcomer", "%(n)s late") % {"n": one.late}, "late")
    return TeamRow(
        name=one.name,
        words=f"{one.store} · {words}" if several else words,
        next=_("Next: %(step)s") % {"step": ahead.step.title} if ahead else "",
        chip=chip,
    )
