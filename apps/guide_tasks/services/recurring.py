"""周期下发, day by day: every day of a series makes its push, or says why it made none."""

from collections.abc import Callable
from datetime import datetime, timedelta

import structlog
from django.db import transaction

from apps.accounts import modules
from apps.accounts.actor import Actor
from apps.accounts.capabilities import Capability
from apps.core.errors import DomainError
from apps.guide_tasks.errors import SegmentEmpty
from apps.guide_tasks.models import PushSeries, SeriesOccurrence, TaskPush
from apps.guide_tasks.services import pushes, series
from apps.guide_tasks.services.items import issuing as item_issuing
from apps.segments import services as segments
from apps.segments.models import SegmentRun
from apps.stores.selectors import actor_for

Skipped = SeriesOccurrence.Skipped
log = structlog.get_logger(__name__)

# a push that comes later than this is not the one somebody has planned
LATE = timedelta(hours=12)
_SENTENCE = 200
_TITLE = 40


def hand_out_series(*, now: datetime) -> int:
    """Hand out what the running series owe, each in a transaction of its own. Returns how many
    pushes went out. Run twice, at once or after a crash anywhere, it makes every push once: the
    push, its day and the next day are one commit, and a series is taken under its row's lock."""
    due = PushSeries.objects.due(now).order_by("next_at", "pk").values_list("pk", flat=True)
    handed_out, broken = 0, None
    for series_id in list(due):
        try:
            handed_out += _bring_up_to_date(series_id, now)
        except Exception as error:  # one broken series must not hold back the others
            log.exception("series.broken", series=series_id)
            broken = error
    if broken is not None:
        raise broken
    return handed_out


@transaction.atomic
def _bring_up_to_date(series_id: int, now: datetime) -> int:
    """All days of a series up to now. Another worker's series is left alone."""
    rows = PushSeries.objects.due(now).select_for_update(of=("self",), skip_locked=True)
    found = rows.select_related("pattern", "owner").filter(pk=series_id).first()
    handed_out = 0
    while found is not None and found.next_at is not None and found.next_at <= now:
        planned = found.next_at
        handed_out += _hand_out_day(found, now)
        if found.next_at is not None:
            series.plan_next(series=found, after=planned, now=now)
    return handed_out


def _hand_out_day(found: PushSeries, now: datetime) -> bool:
    """Make the push of the planned day, or keep why not."""
    assert found.next_on is not None
    assert found.next_at is not None
    if found.next_at < now - LATE or found.due_of(found.next_on) <= now:
        _skip(found, Skipped.MISSED, now)
        return False
    actor = actor_for(user=found.owner, now=now)
    obstacle = next(
        (word for word, stands in _OBSTACLES if stands(found.pattern, actor, now)), None
    )
    if obstacle is not None:
        _skip(found, obstacle, now)
        if obstacle == Skipped.OWNER:
            series.stop_for_a_person(series=found, now=now)
        return False
    try:
        with transaction.atomic():
            _make(found, actor, now)
    except SegmentEmpty:
        _skip(found, Skipped.EMPTY, now)
        return False
    except DomainError as error:
        _skip(found, Skipped.REFUSED, now, str(error))
        return False
    return True


def _owner_gone(pattern: TaskPush, actor: Actor, now: datetime) -> bool:
    return not (actor.sees_all and actor.can(Capability.PUSH_TASKS))


def _module_off(pattern: TaskPush, actor: Actor, now: datetime) -> bool:
    return not modules.is_on(pattern.kind)


def _script_withdrawn(pattern: TaskPush, actor: Actor, now: datetime) -> bool:
    return pattern.template is not None and not pattern.template.is_active


def _content_over(pattern: TaskPush, actor: Actor, now: datetime) -> bool:
    until = pattern.asset.valid_until if pattern.asset is not None else None
    return until is not None and until <= now


_OBSTACLES: tuple[tuple[Skipped, Callable[[TaskPush, Actor, datetime], bool]], ...] = (
    (Skipped.OWNER, _owner_gone),
    (Skipped.MODULE, _module_off),
    (Skipped.SCRIPT, _script_withdrawn),
    (Skipped.CONTENT, _content_over),
)


def _skip(found: PushSeries, why: Skipped, now: datetime, sentence: str = "") -> None:
    assert found.next_on is not None
    SeriesOccurrence.objects.create(
        series=found,
        on=found.next_on,
        skipped=why,
        sentence=sentence[:_SENTENCE],
        decided_at=now,
    )


def _make(found: PushSeries, actor: Actor, now: datetime) -> TaskPush:
    """The day's push, handed out: the same services and rules as one that a person hands out."""
    assert found.next_on is not None
    pattern = found.pattern
    ending = f" · {found.next_on:%m-%d}"
    push = series.copy_push(
        push=pattern,
        title=series.bare_title(pattern)[: _TITLE - len(ending)] + ending,
        run=_run_of_today(pattern, now),
        actor=actor,
        now=now,
        within_campaign=True,
        due_at=found.due_of(found.next_on),
    )
    SeriesOccurrence.objects.create(series=found, on=found.next_on, push=push, decided_at=now)
    if push.has_items:
        item_issuing.hand_out(push=push, now=now, actor=actor)
    else:
        pushes.hand_out(push=push, now=now, actor=actor)
    return push


def _run_of_today(pattern: TaskPush, now: datetime) -> SegmentRun | None:
    """The segment's rule asked anew, the version that was chosen. Raises SegmentEmpty."""
    if pattern.segment_run is None:
        return None
    run = segments.run_segment(version=pattern.segment_run.version, now=now, cause="series")
    if not run.member_count:
        raise SegmentEmpty()
    return run
