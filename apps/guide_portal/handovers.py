"""继承 as a store manager's page shows it: the plan first, then each customer's state."""

from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _

from apps.accounts.actor import Actor
from apps.core import clock
from apps.guide_portal.cards import Chip, Person, person_of
from apps.guide_portal.templatetags.portal import when
from apps.handovers import selectors
from apps.handovers.models import HandoverGroup, HandoverItem, HandoverRun
from apps.handovers.selectors import GROUP_REST, REST, Report
from apps.stores import selectors as stores
from apps.stores.models import Guide

SHOWN = 50
State, ItemState, GroupState = HandoverRun.State, HandoverItem.State, HandoverGroup.State

_CHIPS = {
    State.DRAFT: ("note", "wait"),
    State.TO_APPROVE: ("clock", "warn"),
    State.RUNNING: ("clock", "wait"),
    State.DONE: ("ok", "ok"),
}
_ITEM_CHIPS = {
    ItemState.PLANNED: ("note", "wait"),
    ItemState.QUEUED: ("send", "wait"),
    ItemState.UNKNOWN: ("search", "warn"),
    ItemState.WAITING: ("clock", "wait"),
    ItemState.DONE: ("ok", "ok"),
    ItemState.REFUSED: ("skip", "late"),
    ItemState.FULL: ("people", "late"),
    ItemState.CANNOT: ("alert", "late"),
    ItemState.LEFT: ("alert", "late"),
}


_GROUP_CHIPS = {
    GroupState.PLANNED: ("note", "wait"),
    GroupState.QUEUED: ("send", "wait"),
    GroupState.UNKNOWN: ("search", "warn"),
    GroupState.WAITING: ("clock", "wait"),
    GroupState.DONE: ("ok", "ok"),
    GroupState.CANNOT: ("alert", "late"),
    GroupState.LEFT: ("alert", "late"),
}


def run_chip(run: HandoverRun, report: Report, groups: Report) -> Chip:
    """Its state; a run whose calls are over but that left some to a person says so."""
    if run.state == State.DONE and (report.rest or groups.rest):
        return Chip("alert", _("Need you"), "late")
    icon, tone = _CHIPS.get(State(run.state), ("skip", ""))
    return Chip(icon, str(run.get_state_display()), tone)


@dataclass(frozen=True, slots=True)
class Heir:
    """One successor: how many TA gets, of whom how many are there, and how many groups."""

    person: Person
    planned: int
    done: int
    groups: int


@dataclass(frozen=True, slots=True)
class CustomerLine:
    pk: int
    person: Person
    chip: Chip
    words: str
    may_try: bool


@dataclass(frozen=True, slots=True)
class GroupLine:
    pk: int
    name: str
    chip: Chip
    words: str
    may_try: bool


@dataclass(frozen=True, slots=True)
class RunPage:
    run: HandoverRun
    person: Person
    chip: Chip
    report: Report
    heirs: list[Heir]
    rest: list[CustomerLine]
    others: list[CustomerLine]
    group_report: Report
    groups: list[GroupLine]
    colleagues: list[Person]
    crosses_owners: bool

    @property
    def is_draft(self) -> bool:
        return self.run.state == State.DRAFT

    @property
    def waits(self) -> bool:
        return self.run.state == State.TO_APPROVE

    @property
    def may_try(self) -> bool:
        return any(one.may_try for one in self.rest)

    @property
    def groups_left(self) -> list[GroupLine]:
        return [one for one in self.groups if one.may_try]

    @property
    def is_over(self) -> bool:
        """Nothing is on its way and nothing is left to a person."""
        both = (self.report, self.group_report)
        return not any(one.waiting or one.rest for one in both)


def run_page(*, run: HandoverRun, now: datetime) -> RunPage:
    """A handover for who leads the store; nine queries, whatever its size."""
    report, groups = selectors.report_of(run), selectors.group_report_of(run)
    rest = [_line(one) for one in selectors.items_of(run, states=REST)[:SHOWN]]
    going = [state for state in ItemState.values if state not in REST]
    others = [_line(one) for one in selectors.items_of(run, states=going)[:SHOWN]]
    return RunPage(
        run=run,
        person=_colleague(run.guide),
        chip=run_chip(run, report, groups),
        report=report,
        group_report=groups,
        groups=[_group_line(one) for one in selectors.groups_of(run)[:SHOWN]],
        heirs=[
            Heir(_colleague(one.guide), one.planned, one.done, one.groups)
            for one in selectors.successors_of(run)
        ],
        rest=rest,
        others=others,
        colleagues=_colleagues(run, now),
        crosses_owners=run.crosses_owners,
    )


def _colleague(guide: Guide) -> Person:
    return Person(pk=guide.pk, public_id=None, name=guide.name)


def _colleagues(run: HandoverRun, now: datetime) -> list[Person]:
    """Who could take over: posted in the receiving store today."""
    posted = stores.posted_with_duty(store_ids=[run.to_store_id], day=clock.business_day(now))
    return [_colleague(one.guide) for one in posted if run.fits(one.guide)]


def _line(item: HandoverItem) -> CustomerLine:
    icon, tone = _ITEM_CHIPS[ItemState(item.state)]
    return CustomerLine(
        pk=item.pk,
        person=person_of(item.member),
        chip=Chip(icon, str(item.get_state_display()), tone),
        words=_words(item),
        may_try=item.state in REST and bool(item.external_userid),
    )


def _group_line(row: HandoverGroup) -> GroupLine:
    icon, tone = _GROUP_CHIPS[GroupState(row.state)]
    name = row.takeover.name if row.takeover else ""
    if row.state in GROUP_REST:
        words = selectors.group_sentence_of(row)
    else:
        words = _("to %(name)s") % {"name": name}
    return GroupLine(
        pk=row.pk,
        name=row.group.name or _("Group without a name"),
        chip=Chip(icon, str(row.get_state_display()), tone),
        words=words,
        may_try=row.state in GROUP_REST,
    )


def _words(item: HandoverItem) -> str:
    name = item.takeover.name if item.takeover else ""
    if item.state in REST:
        why = selectors.sentence_of(item)
        return _("%(name)s: %(why)s") % {"name": name, "why": why} if name else why
    if item.state == ItemState.WAITING and item.takeover_at:
        return _("to %(name)s, by itself on %(time)s") % {
            "name": name,
            "time": when(item.takeover_at),
        }
    return _("to %(name)s") % {"name": name}


# --- the region's word ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class HandoverRow:
    """A handover between owners that waits for the region."""

    pk: int
    person: Person
    title: str
    words: str
    counts: str


def waiting_rows(*, actor: Actor) -> list[HandoverRow]:
    """Three queries."""
    runs = selectors.waiting_for(actor=actor)
    reports = selectors.reports_of([run.pk for run in runs])
    return [
        HandoverRow(
            pk=run.pk,
            person=_colleague(run.guide),
            title=_("%(a)s → %(b)s") % {"a": run.store.name, "b": run.to_store.name},
            words=_("Owners differ: %(a)s, %(b)s")
            % {"a": run.store.legal_entity.name, "b": run.to_store.legal_entity.name},
            counts=_("%(n)s customers would change store and guide")
            % {"n": reports[run.pk].planned},
        )
        for run in runs
    ]


@dataclass(frozen=True, slots=True)
class RunLine:
    """A handover on the list of leavers."""

    pk: int
    person: Person
    chip: Chip
    report: Report
    groups: Report


def run_lines(*, store_id: int, actor: Actor, guide_id: int | None = None) -> list[RunLine]:
    """The store's latest handovers; three queries."""
    rows = selectors.runs(actor=actor).filter(store_id=store_id)
    if guide_id is not None:
        rows = rows.filter(guide_id=guide_id)
    found = list(rows[:10])
    reports = selectors.reports_of([run.pk for run in found])
    groups = selectors.group_reports_of([run.pk for run in found])
    return [
        RunLine(
            pk=one.pk,
            person=_colleague(one.guide),
            chip=run_chip(one, reports[one.pk], groups[one.pk]),
            report=reports[one.pk],
            groups=groups[one.pk],
        )
        for one in found
    ]
