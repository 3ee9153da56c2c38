"""任务详情 as the page shows it: how to send, to whom, and what became of it."""

from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _

from apps.core.shown import Shown
from apps.guide_portal.cards import (
    Card,
    Progress,
    due_words,
    finished_card,
    progress,
    todo_card,
)
from apps.guide_portal.coupons import coupon_words
from apps.guide_tasks import selectors, shapes
from apps.guide_tasks.models import Grade, GuideTask
from apps.outreach.attachments import Piece
from apps.outreach.models import ContentAsset
from apps.outreach.selectors import attachments_of

ALL, EACH = "all", "each"


@dataclass(frozen=True, slots=True)
class TaskPage(Shown):
    """The task as the page shows it; `way` is the chosen one of the two ways to send, `todo` whom
    it would reach now."""

    task: GuideTask
    rows: list[Card]
    todo: list[Card]
    waits: bool
    way: str
    title: str
    subtitle: str
    progress: Progress
    generic_text: str
    preview: str
    preview_from: str
    asset: ContentAsset | None
    attachments: list[Piece]
    coupon: str
    confirm_words: str
    next: Card | None
    turn: int
    turns: int


def task_page(*, task: GuideTask, way: str, now: datetime) -> TaskPage:
    """The page of one task; without a text for everybody there is only one by one."""
    found = selectors.task_page(task, now=now)
    cards = [todo_card(card, now=now) for card in found.cards]
    todo = [card for card in cards if not card.is_held_back]
    waiting = [finished_card(card) for card in found.waiting]
    settled = [finished_card(card) for card in (*found.finished, *found.excused)]
    way = ALL if way != EACH and found.generic_text else EACH
    upcoming = todo[0] if todo else None
    turn, turns = len(waiting) + 1, len(waiting) + len(todo)
    preview = found.generic_text
    source = _("Your store's words") if found.words_of_store else _("Script of head office")
    if way == EACH and upcoming is not None:
        card = next(card for card in found.cards if card.target_id == upcoming.target_id)
        preview = selectors.personal_text(body=found.body, card=card, now=now)
        source = _("Number %(turn)s of %(turns)s") % {"turn": turn, "turns": turns}
    return TaskPage(
        task=task,
        rows=[*cards, *waiting, *settled],
        todo=todo,
        waits=any(card.is_waiting for card in waiting),
        way=way,
        title=found.title,
        subtitle=_subtitle(task, found, now=now),
        progress=_progress(found),
        generic_text=found.generic_text,
        preview=preview,
        preview_from=source,
        asset=task.push.asset,
        attachments=attachments_of(script_id=task.push.template_id),
        coupon=coupon_words(task.push),
        confirm_words=_confirm_words(found),
        next=upcoming,
        turn=turn,
        turns=turns,
    )


def _confirm_words(found: shapes.TaskPage) -> str:
    codes = {line.code for card in found.waiting for line in card.lines}
    if "to_confirm" not in codes:
        return ""
    return _("Confirm the send in WeCom; this page updates itself")


def _subtitle(task: GuideTask, found: shapes.TaskPage, *, now: datetime) -> str:
    proofs = {
        Grade.SELF_REPORTED: _("your word counts"),
        Grade.INITIATED: _("starting the chat counts"),
        Grade.DELIVERED: _("WeCom's delivery counts"),
    }
    source = _("by a rule") if task.push.rule_id else _("from head office")
    proof = proofs.get(Grade(found.required_grade), "")
    return " · ".join((source, due_words(found.due_at, now=now), proof))


def _progress(found: shapes.TaskPage) -> Progress:
    late = found.segments.count("overdue")
    closed = sum(card.chip in ("expired", "not_done") for card in found.finished)
    parts = [
        ("ok", _("Done"), found.done),
        ("wait", _("Initiated"), found.waiting_count),
        ("", _("To do"), found.to_contact - late),
    ]
    if late + closed:
        parts.append(("late", _("Overdue"), late + closed))
    if found.excused_count:
        parts.append(("na", _("Not applicable"), found.excused_count))
    return progress(*parts)
