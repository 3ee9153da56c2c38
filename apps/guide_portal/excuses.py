"""A large share of 不适用 as the manager's approvals show it."""

from dataclasses import dataclass
from datetime import datetime

from django.urls import reverse
from django.utils.translation import gettext as _

from apps.accounts.actor import Actor
from apps.guide_portal.cards import Person, percent
from apps.guide_tasks.models import ExcuseReason, TaskItem
from apps.guide_tasks.selectors import Said
from apps.guide_tasks.services import excuse_share
from apps.guide_tasks.services.items.excuse_share import ItemsExcused, item_shares_to_decide


@dataclass(frozen=True, slots=True)
class ExcusesRow:
    """Much 不适用 of a guide's customers or of a store's work: how many, why, the rates."""

    anchor: str
    action: str
    person: Person
    title: str
    words: str
    reasons: str
    rates: str
    may_return: bool


def excuse_rows(*, actor: Actor, now: datetime) -> list[ExcusesRow]:
    return [_excuses_row(row) for row in excuse_share.shares_to_decide(actor=actor, now=now)]


def _excuses_row(row: excuse_share.ExcusedShare) -> ExcusesRow:
    guide = row.task.guide
    reasons = [
        _("%(reason)s %(n)s") % {"reason": ExcuseReason(code).label, "n": number}
        for code, number in sorted(row.reasons.items(), key=lambda pair: -pair[1])
    ]
    return ExcusesRow(
        anchor=f"excuses-{row.task.pk}",
        action=reverse("guide_portal:decide_excuses", args=[row.task.pk]),
        person=Person(pk=guide.pk, public_id=None, name=guide.name),
        title=row.task.push.title,
        words=_("%(n)s of %(all)s customers are not applicable")
        % {"n": row.excused, "all": row.issued},
        reasons="，".join(reasons),
        rates=_rates(row.done, row.issued, row.excused),
        may_return=row.may_return,
    )


def _rates(done: int, issued: int, excused: int) -> str:
    due = issued - excused
    return _("Completion rate %(rate)s, %(raw)s with the not applicable counted in") % {
        "rate": percent(done / due if due else None),
        "raw": percent(done / issued),
    }


# --- work without customers -----------------------------------------------------------------------


def item_excuse_rows(*, actor: Actor, now: datetime) -> list[ExcusesRow]:
    return [_items_row(row) for row in item_shares_to_decide(actor=actor, now=now)]


def _items_row(row: ItemsExcused) -> ExcusesRow:
    first = row.chosen[0][0]
    words = _("%(n)s of %(all)s colleagues say not applicable") % {
        "n": row.excused,
        "all": row.issued,
    }
    if first.guide_id is None:
        words = _("Not applicable for the whole store, by one colleague's word")
    return ExcusesRow(
        anchor=f"excused-{first.push_id}-{first.store_id}",
        action=reverse("guide_portal:decide_item_excuses", args=[first.pk]),
        person=Person(pk=first.store_id, public_id=None, name=first.store.name),
        title=row.push.title,
        words=words,
        reasons="；".join(_why(item, said) for item, said in row.chosen),
        rates=_rates(row.done, row.issued, row.excused),
        may_return=row.may_return,
    )


def _why(item: TaskItem, said: Said | None) -> str:
    """小陈：没有货"""
    who = (said.who if said else "") or (item.guide.name if item.guide else "")
    return f"{who}：{item.excuse_sentence}"
