"""周期下发: a push that repeats is set up, changed, paused, ended."""

import re
import uuid
from dataclasses import asdict, dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Max
from django.utils.translation import gettext as _

from apps.accounts import services as accounts
from apps.accounts.actor import Actor
from apps.accounts.capabilities import Capability
from apps.core import clock
from apps.core.locks import take_turn
from apps.guide_tasks import hours
from apps.guide_tasks.errors import BadRhythm, NotYourStore, PushNotReady, SeriesNotThere
from apps.guide_tasks.models import PushSeries, SeriesOccurrence, TaskPush
from apps.guide_tasks.rhythm import Rhythm
from apps.guide_tasks.services import pushes
from apps.segments.models import SegmentRun

Status = PushSeries.Status

# a title's own day is replaced by the day of each hand-out
_DAY_AT_END = re.compile(r"\s*·\s*\d\d-\d\d$")


@dataclass(frozen=True, slots=True)
class SeriesTerms:
    """How a push repeats; the fields as in `PushSeries`."""

    every: str
    number: int
    starts_on: date
    hour: time
    due_days: int
    due_hour: time
    until: date | None = None
    times: int | None = None


# --- when -----------------------------------------------------------------------------------------


def next_day(*, series: PushSeries, after: datetime) -> date | None:
    """The first day whose hour lies after the moment and of which nothing is known yet; None when
    the series is over."""
    days = SeriesOccurrence.objects.filter(series=series)
    last = days.aggregate(last=Max("on"))["last"]
    first = clock.business_day(after)
    if last is not None:
        first = max(first, last + timedelta(days=1))
    day = series.rhythm.first_from(first)
    if series.goes_out_at(day) <= after:
        day = series.rhythm.first_from(day + timedelta(days=1))
    if series.until is not None and day > series.until:
        return None
    return None if _is_through(series) else day


def _is_through(series: PushSeries) -> bool:
    """It has gone out as often as it was to."""
    days = SeriesOccurrence.objects.filter(series=series)
    return series.times is not None and days.handed_out().count() >= series.times


def plan_next(*, series: PushSeries, after: datetime, now: datetime) -> None:
    """Set the day that comes next; where none comes any more the series has ended."""
    day = next_day(series=series, after=after)
    if day is None:
        _stop(series, Status.ENDED, now)
        return
    series.status, series.next_on = Status.RUNNING, day
    series.next_at = series.goes_out_at(day)
    series.save(update_fields=["status", "next_on", "next_at"])
    # the wizard's pages of the pattern speak of the day that comes
    TaskPush.objects.filter(pk=series.pattern_id).update(
        hand_out_at=series.next_at, due_at=series.due_of(day)
    )


def _stop(series: PushSeries, status: str, now: datetime) -> None:
    series.status, series.next_on, series.next_at = status, None, None
    if status == Status.ENDED:
        series.ended_at = now
    else:
        series.paused_at = now
    series.save(update_fields=["status", "next_on", "next_at", "paused_at", "ended_at"])


def _demand_terms(terms: SeriesTerms, pattern: TaskPush, now: datetime) -> None:
    """Raises BadRhythm."""
    if not hours.is_within(
        datetime.combine(terms.starts_on, terms.hour, tzinfo=clock.chain_tz()),
        pattern.hand_out_from,
        pattern.hand_out_until,
    ):
        words = {"a": f"{pattern.hand_out_from:%H:%M}", "b": f"{pattern.hand_out_until:%H:%M}"}
        raise BadRhythm(
            _("Guides are told from %(a)s to %(b)s: choose an hour in between."), **words
        )
    if terms.due_days == 0 and terms.due_hour <= terms.hour:
        raise BadRhythm(_("The push would be due before it is handed out."))
    rhythm = Rhythm(terms.every, terms.number, terms.starts_on)
    if terms.until is not None:
        today = clock.business_day(now)
        if next(rhythm.days(today, terms.until), None) is None:
            raise BadRhythm(
                _("No day of this rhythm lies before the last day. Choose a later one.")
            )


def _demand_hq(actor: Actor) -> int:
    """The user who answers for the series. Raises NotYourStore."""
    if actor.user_id is None or not (actor.sees_all and actor.can(Capability.PUSH_TASKS)):
        raise NotYourStore()
    return actor.user_id


def _audit(series: PushSeries, action: str, actor: Actor, **detail: Any) -> None:
    accounts.audit(
        actor=actor,
        action=f"series.{action}",
        object_type="push_series",
        object_id=series.pk,
        detail=detail,
    )


def _locked(series: PushSeries) -> PushSeries:
    rows = PushSeries.objects.select_for_update(of=("self",)).select_related("pattern")
    return rows.get(pk=series.pk)


# --- set up ---------------------------------------------------------------------------------------


@transaction.atomic
def prepare_series(
    *, push: TaskPush, terms: SeriesTerms | None, actor: Actor, now: datetime
) -> PushSeries | None:
    """A draft of the wizard is to repeat, or (no terms) is to go out once after all. The rhythm of
    a series that exists already is changed. Raises BadRhythm, NotYourStore, PushRepeats."""
    owner_id = _demand_hq(actor)
    known = PushSeries.objects.filter(pattern=push).first()
    if known is not None and known.status != Status.PREPARED:
        if terms is None:
            raise BadRhythm(_("This push repeats. Pause or end it on its own page."))
        return change_series(series=known, terms=terms, actor=actor, now=now)
    if terms is None:
        if known is not None:
            known.delete()
        return None
    _demand_terms(terms, push, now)
    series, _made = PushSeries.objects.update_or_create(
        pattern=push, defaults={**asdict(terms), "owner_id": owner_id}
    )
    day = next_day(series=series, after=now)
    if day is not None:
        pushes.update_push(
            push=push, actor=actor, hand_out_at=series.goes_out_at(day), due_at=series.due_of(day)
        )
    return series


@transaction.atomic
def keep_ahead(*, series: PushSeries, now: datetime) -> date | None:
    """A draft may lie for days before it begins: its times are those of the first day that still
    lies ahead. Returns that day; None when none does."""
    day = next_day(series=series, after=now)
    if day is not None:
        TaskPush.objects.filter(pk=series.pattern_id).update(
            hand_out_at=series.goes_out_at(day), due_at=series.due_of(day)
        )
    return day


@transaction.atomic
def start_series(*, push: TaskPush, actor: Actor, now: datetime) -> PushSeries:
    """The wizard's last step: from now on the draft is the pattern. Safe to repeat.

    Raises PushNotReady, SeriesNotThere, NotYourStore.
    """
    owner_id = _demand_hq(actor)
    series = _locked(_series_of(push))
    if series.status != Status.PREPARED:
        return series
    pushes.make_pattern(push=series.pattern, now=now)
    series.owner_id = owner_id
    series.save(update_fields=["owner"])
    plan_next(series=series, after=now, now=now)
    if series.status == Status.ENDED:
        raise PushNotReady(_("No day of the rhythm lies ahead. Change when it ends."))
    _audit(series, "started", actor, push_id=push.pk)
    return series


def _series_of(push: TaskPush) -> PushSeries:
    found = PushSeries.objects.filter(pattern=push).first()
    if found is None:
        raise SeriesNotThere()
    return found


@transaction.atomic
def repeat_push(
    *,
    push: TaskPush,
    terms: SeriesTerms,
    actor: Actor,
    now: datetime,
    client_id: uuid.UUID | None = None,
) -> PushSeries:
    """A push that was handed out goes out again and again, with the same people's rule, words and
    terms. The same `client_id` again gives the series that was made.

    Raises BadRhythm, PushNotReady, NotYourStore.
    """
    owner_id = _demand_hq(actor)
    if client_id is not None:
        take_turn(str(client_id))
        made = PushSeries.objects.filter(pattern__client_id=client_id).first()
        if made is not None:
            return made
    if push.handed_out_at is None or push.rule_id is not None:
        raise PushNotReady(_("Only a push that was handed out can be repeated from here."))
    _demand_terms(terms, push, now)
    pattern = copy_push(
        push=push, title=bare_title(push), run=push.segment_run, actor=actor, now=now
    )
    pattern.client_id, pattern.status = client_id, TaskPush.Status.PATTERN
    pattern.save(update_fields=["client_id", "status"])
    series = PushSeries(pattern=pattern, owner_id=owner_id, **asdict(terms))
    series.status = Status.PREPARED
    series.save()
    plan_next(series=series, after=now, now=now)
    if series.status == Status.ENDED:
        raise BadRhythm(_("No day of the rhythm lies ahead. Change when it ends."))
    _audit(series, "started", actor, push_id=push.pk)
    return series


def bare_title(push: TaskPush) -> str:
    """A push's title without the day it may carry at its end."""
    return _DAY_AT_END.sub("", push.title) or push.title


def copy_push(
    *,
    push: TaskPush,
    title: str,
    run: SegmentRun | None,
    actor: Actor,
    now: datetime,
    within_campaign: bool = False,
    due_at: datetime | None = None,
) -> TaskPush:
    """A draft that says what the push says; `within_campaign` measures it with the same control
    group."""
    copied = pushes.create_push(
        title=title,
        actor=actor,
        now=now,
        campaign=push.campaign if within_campaign else None,
        goal=push.campaign.goal,
        window_days=push.campaign.window_days,
        control_share_bp=push.campaign.control_share_bp,
        kind=push.kind,
        segment_run=run,
        template=push.template,
        body=push.body,
        generic_body=push.generic_body,
        asset=push.asset,
        coupon=push.coupon,
        attachments=push.attachments,
        result_tags=push.result_tags.all(),
        required_grade=push.required_grade,
        assign_by=push.assign_by,
        follow_up_days=push.follow_up_days,
        due_at=due_at,
        hand_out_from=push.hand_out_from,
        hand_out_until=push.hand_out_until,
        contact_from=push.contact_from,
        contact_until=push.contact_until,
        minutes_per_target=push.minutes_per_target,
        quota=push.quota,
        quota_of=push.quota_of,
        once_per_store=push.once_per_store,
    )
    copied.regions.set(push.regions.all())
    copied.stores.set(push.stores.all())
    return copied


# --- changed --------------------------------------------------------------------------------------


@transaction.atomic
def change_series(
    *, series: PushSeries, terms: SeriesTerms, actor: Actor, now: datetime
) -> PushSeries:
    """Another rhythm from the next day on; what was handed out stays. A day whose hour has come
    already stays planned: the job hands it out, or says why not, before the new rhythm begins.
    Raises BadRhythm, SeriesNotThere, NotYourStore."""
    _demand_hq(actor)
    series = _locked(series)
    if series.status == Status.ENDED:
        raise SeriesNotThere(_("This series has ended. Repeat one of its pushes to go on."))
    _demand_terms(terms, series.pattern, now)
    before = {name: getattr(series, name) for name in asdict(terms)}
    for name, value in asdict(terms).items():
        setattr(series, name, value)
    series.save(update_fields=list(asdict(terms)))
    is_due = series.next_at is not None and series.next_at <= now
    if is_due and _is_through(series):
        raise BadRhythm(_("No day of the rhythm lies ahead. Change when it ends."))
    if series.status == Status.RUNNING and not is_due:
        plan_next(series=series, after=now, now=now)
        if series.status == Status.ENDED:
            raise BadRhythm(_("No day of the rhythm lies ahead. Change when it ends."))
    changed = [name for name, value in before.items() if value != getattr(series, name)]
    _audit(series, "changed", actor, fields=changed)
    return series


@transaction.atomic
def pause_series(*, series: PushSeries, actor: Actor, now: datetime) -> PushSeries:
    """Nothing goes out until somebody resumes it. Safe to repeat. Raises NotYourStore."""
    _demand_hq(actor)
    series = _locked(series)
    if series.status == Status.RUNNING:
        _stop(series, Status.PAUSED, now)
        _audit(series, "paused", actor)
    return series


@transaction.atomic
def resume_series(*, series: PushSeries, actor: Actor, now: datetime) -> PushSeries:
    """It goes on with its next day, in the name of who resumes it; days of the pause are not made
    up for. Safe to repeat. Raises NotYourStore, PushNotReady, SeriesNotThere."""
    owner_id = _demand_hq(actor)
    series = _locked(series)
    if series.status == Status.RUNNING:
        return series
    if series.status != Status.PAUSED:
        raise SeriesNotThere(_("This series has ended. Repeat one of its pushes to go on."))
    series.owner_id, series.paused_at = owner_id, None
    series.save(update_fields=["owner", "paused_at"])
    plan_next(series=series, after=now, now=now)
    if series.status == Status.ENDED:
        raise PushNotReady(_("No day of the rhythm lies ahead. Change when it ends."))
    _audit(series, "resumed", actor)
    return series


@transaction.atomic
def end_series(*, series: PushSeries, actor: Actor, now: datetime) -> PushSeries:
    """No further push; what was handed out runs on. Safe to repeat. Raises NotYourStore."""
    _demand_hq(actor)
    series = _locked(series)
    if series.status != Status.ENDED:
        _stop(series, Status.ENDED, now)
        _note(series, actor, now)
        _audit(series, "ended", actor)
    return series


@transaction.atomic
def note_skipped(*, series: PushSeries, actor: Actor, now: datetime) -> int:
    """Somebody has read why days were left out. Safe to repeat. Raises NotYourStore."""
    _demand_hq(actor)
    return _note(series, actor, now)


def _note(series: PushSeries, actor: Actor, now: datetime) -> int:
    days = SeriesOccurrence.objects.filter(series=series).unread()
    return days.update(noted_at=now, noted_by=actor.label)


def stop_for_a_person(*, series: PushSeries, now: datetime) -> None:
    """Who set it up is gone: it waits until somebody resumes it in their own name."""
    _stop(series, Status.PAUSED, now)
