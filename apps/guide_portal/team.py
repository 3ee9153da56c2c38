"""团队任务 as the page shows it: who needs a hand, who gets on, and how often one was reminded."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from django.conf import settings
from django.utils.translation import gettext as _

from apps.accounts.actor import Actor
from apps.core.shown import Shown
from apps.guide_portal.cards import Chip, Person, Progress, cells, due_words, percent, progress
from apps.guide_tasks.selectors import CHASES_A_DAY, team_progress
from apps.guide_tasks.shapes import GuideProgress


class Rates(Protocol):
    """The three figures that always stand together."""

    @property
    def completion_rate(self) -> float | None: ...
    @property
    def raw_rate(self) -> float | None: ...
    @property
    def excused_rate(self) -> float | None: ...


@dataclass(frozen=True, slots=True)
class TeamRow(Shown):
    guide: GuideProgress
    person: Person
    push_id: int
    chip: Chip | None
    words: str
    warn: bool

    @property
    def cells(self) -> list[str]:
        return cells(*_parts([self.guide]))

    @property
    def can_chase(self) -> bool:
        return self.guide.needs_help and self.guide.chases_left > 0


@dataclass(frozen=True, slots=True)
class TeamPage(Shown):
    push_id: int
    title: str
    others: list[tuple[int, str]]
    done: int
    due: int
    deadline: str
    progress: Progress
    rate_words: str
    need_help: list[TeamRow]
    going_well: list[TeamRow]
    off_duty: str
    chase_ids: list[int]
    chase_count: int
    chase_stop: str


def rate_words(rates: Rates) -> str:
    """The raw rate and the share of 不适用, which stand beside every completion rate."""
    return _("%(raw)s with the not applicable counted in, %(excused)s not applicable") % {
        "raw": percent(rates.raw_rate),
        "excused": percent(rates.excused_rate),
    }


def rate_words_if_any(rates: Rates) -> str:
    """The same where a line of dashes would say nothing: "" when nothing was due."""
    nothing = rates.raw_rate is None and rates.excused_rate is None
    return "" if nothing else rate_words(rates)


def team_page(
    *, actor: Actor, push_id: int, pushes: Sequence[tuple[int, str]], now: datetime
) -> TeamPage | None:
    """One of the running pushes in the manager's stores, guide by guide; None if nobody there
    has a share in it."""
    found = team_progress(actor=actor, now=now, push_id=push_id)
    if not found.guides:
        return None
    rows = [_row(guide, push_id) for guide in found.guides]
    need = [row for row in rows if row.guide.needs_help]
    chase = [row for row in need if row.can_chase]
    done, waiting, late, todo = (number for _tone, number in _parts(found.guides))
    exhausted = bool(need) and not chase
    return TeamPage(
        push_id=push_id,
        title=found.title,
        others=[(pk, title) for pk, title in pushes if pk != push_id],
        done=found.done,
        due=found.due,
        deadline=due_words(found.due_at, now=now) if found.due_at else "",
        progress=progress(
            ("ok", _("Done"), done),
            ("wait", _("Initiated"), waiting),
            ("late", _("Overdue"), late),
            ("", _("To do"), todo),
        ),
        rate_words=_("Completion rate %(rate)s, ") % {"rate": percent(found.completion_rate)}
        + rate_words(found),
        need_help=need,
        going_well=[row for row in rows if not row.guide.needs_help],
        off_duty="、".join(found.off_duty),
        chase_ids=[pk for row in chase for pk in row.guide.task_ids],
        chase_count=len(chase),
        chase_stop=_("Reminded %(n)s times today") % {"n": CHASES_A_DAY} if exhausted else "",
    )


def _parts(guides: Sequence[GuideProgress]) -> list[tuple[str, int]]:
    """Cells of the bar; what waits for WeCom past its due time counts as overdue."""
    parts = {"ok": 0, "wait": 0, "late": 0, "": 0}
    for guide in guides:
        parts["ok"] += guide.done
        parts["late"] += guide.overdue + guide.expired
        in_time = guide.open - guide.overdue
        waiting = min(guide.waiting, in_time)
        parts["wait"] += waiting
        parts[""] += in_time - waiting
    return list(parts.items())


def _row(guide: GuideProgress, push_id: int) -> TeamRow:
    chip = None
    if guide.overdue:
        chip = Chip("clock", _("%(n)s overdue") % {"n": guide.overdue}, "late")
    elif guide.needs_help:
        chip = Chip("ring", _("not seen"))
    many = 0 < guide.issued * settings.EXCUSED_PERCENT_LIMIT <= guide.excused * 100
    return TeamRow(
        guide=guide,
        person=Person(pk=guide.guide_id, public_id=None, name=guide.guide_name),
        push_id=push_id,
        chip=chip,
        words=_words(guide, many=many),
        warn=many and not guide.needs_help,
    )


def _words(guide: GuideProgress, *, many: bool) -> str:
    if guide.is_escalated:
        return _("Overdue for over %(hours)s hours, please step in") % {
            "hours": settings.ESCALATE_AFTER_HOURS
        }
    if guide.needs_help and guide.chases_today:
        return _("Reminded %(used)s times, %(left)s left today") % {
            "used": guide.chases_today,
            "left": guide.chases_left,
        }
    if many and not guide.needs_help:
        return _("%(n)s are not applicable, have a look at the reasons") % {"n": guide.excused}
    if not guide.is_seen and guide.open:
        return _("%(n)s not seen yet") % {"n": guide.open}
    parts = [
        (_("%(n)s wait for WeCom"), guide.waiting),
        (_("%(n)s to contact"), guide.in_progress + guide.not_started),
        (_("%(n)s bought"), guide.purchased),
    ]
    return "，".join(words % {"n": number} for words, number in parts if number) or _("all done")
