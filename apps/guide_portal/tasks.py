"""Reads for 任务详情: how to send, to whom, and what became of it."""

from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _

from apps.guide_portal.cards import Card, Progress, due_words, progress
from apps.guide_portal.texts import generic_text, personal_text
from apps.guide_portal.today import TaskRows, task_rows
from apps.guide_tasks.models import Grade, GuideTask
from apps.outreach.models import ContentAsset, Dispatch

ALL, EACH = "all", "each"
_UNCONFIRMED = (Dispatch.State.PLANNED, Dispatch.State.LEASED, Dispatch.State.HANDED_OVER)


@dataclass(frozen=True, slots=True)
class TaskPage:
    """The task as the page shows it; `way` is the chosen one of the two ways to send."""

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
    confirm_words: str
    next: Card | None
    turn: int
    turns: int


def task_page(*, task: GuideTask, way: str, now: datetime) -> TaskPage:
    """The page of one task; without a text for everybody there is only one by one."""
    found = task_rows(task=task, now=now)
    text = generic_text(task)
    way = ALL if way != EACH and text else EACH
    upcoming = found.todo[0] if found.todo else None
    pending = [card for card in found.rows if card.pending is not None]
    turn, turns = len(pending) + 1, len(pending) + len(found.todo)
    if way == EACH and upcoming is not None:
        preview = personal_text(upcoming.target, now=now)
        source = _("Number %(turn)s of %(turns)s") % {"turn": turn, "turns": turns}
    else:
        preview, source = text, _("Script of head office")
    unconfirmed = any(card.pending.dispatch.state in _UNCONFIRMED for card in pending)
    return TaskPage(
        task=task,
        rows=found.rows,
        todo=found.todo,
        waits=found.waits,
        way=way,
        title=task.push.title,
        subtitle=_subtitle(task, now=now),
        progress=_progress(found),
        generic_text=text,
        preview=preview,
        preview_from=source,
        asset=task.push.asset,
        confirm_words=_confirm_words() if unconfirmed else "",
        next=upcoming,
        turn=turn,
        turns=turns,
    )


def _confirm_words() -> str:
    return _("Confirm the send in WeCom; this page updates itself")


def _subtitle(task: GuideTask, *, now: datetime) -> str:
    proofs = {
        Grade.SELF_REPORTED: _("your word counts"),
        Grade.INITIATED: _("starting the chat counts"),
        Grade.DELIVERED: _("WeCom's delivery counts"),
    }
    source = _("by a rule") if task.push.rule_id else _("from head office")
    proof = proofs.get(Grade(task.push.required_grade), "")
    return " · ".join((source, due_words(task.due_at, now=now), proof))


def _progress(found: TaskRows) -> Progress:
    tones = [card.tone for card in found.rows]
    parts = [
        ("ok", _("Done"), tones.count("ok")),
        ("wait", _("Initiated"), tones.count("wait")),
        ("", _("To do"), tones.count("")),
    ]
    if tones.count("late"):
        parts.append(("late", _("Overdue"), tones.count("late")))
    if tones.count("na"):
        parts.append(("na", _("Not applicable"), tones.count("na")))
    return progress(*parts)
