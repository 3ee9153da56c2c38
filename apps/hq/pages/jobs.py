"""系统 › 定时作业: what runs by the clock, what for, when last and next, how often."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django_celery_beat.models import CrontabSchedule, IntervalSchedule, PeriodicTask

from apps.accounts import services as accounts
from apps.accounts.capabilities import Capability
from apps.core import clock
from apps.core.models import JobRun
from apps.core.wake import wake
from apps.hq.access import actor_of, hq_action, show
from apps.hq.beat_schedule import BY_JOB, ORDER

LIST = "admin:django_celery_beat_periodictask_changelist"
SECONDS = (5, 10, 20, 30, 60, 120, 300, 900, 3600)
TIMES = ("00:30", "01:00", "02:00", "02:30", "03:00", "03:20", "03:40", "04:00", "06:10")
_PERIOD_SECONDS = {"days": 86400, "hours": 3600, "minutes": 60, "seconds": 1}


@dataclass(frozen=True, slots=True)
class JobRow:
    """One line of the list, ready to print."""

    pk: int
    job: str
    title: str | Promise
    purpose: str | Promise
    if_stopped: str | Promise
    enabled: bool
    every: str
    last: JobRun | None
    seconds: float | None
    next_at: datetime | None

    @property
    def mark(self) -> str:
        if self.last is None or self.last.ok is None:
            return ""
        return "on" if self.last.ok else "bad"


def frequency(task: PeriodicTask) -> str:
    """The schedule as one short value: "i:20" every 20 seconds, "d:02:30" daily, else ""."""
    if task.interval is not None:
        unit = _PERIOD_SECONDS.get(task.interval.period)
        return f"i:{task.interval.every * unit}" if unit else ""
    cron = task.crontab
    if cron is not None and cron.hour.isdecimal() and cron.minute.isdecimal():
        return f"d:{int(cron.hour):02d}:{int(cron.minute):02d}"
    return ""


def in_words(value: str) -> str:
    """The frequency for people."""
    kind, _colon, rest = value.partition(":")
    if kind == "d":
        return _("daily at %(time)s") % {"time": rest}
    seconds = int(rest)
    for unit, text in ((3600, _("every %(n)s h")), (60, _("every %(n)s min"))):
        if seconds % unit == 0:
            return text % {"n": seconds // unit}
    return _("every %(n)s s") % {"n": seconds}


def choices(current: str) -> list[tuple[str, str]]:
    values = [f"i:{seconds}" for seconds in SECONDS] + [f"d:{time}" for time in TIMES]
    if current and current not in values:
        values.insert(0, current)
    return [(value, in_words(value)) for value in values]


def _next(task: PeriodicTask, now: datetime) -> datetime | None:
    if not task.enabled:
        return None
    left = task.schedule.remaining_estimate(task.last_run_at or task.date_changed or now)
    # two readings of the clock lie between the two: without rounding 02:50 would read 02:49:59
    return (now + max(left, timedelta()) + timedelta(seconds=0.5)).replace(microsecond=0)


def _rows(now: datetime) -> list[JobRow]:
    tasks = list(PeriodicTask.objects.select_related("interval", "crontab"))
    tasks = [task for task in tasks if task.task in BY_JOB]
    last = {
        run.name: run
        for run in JobRun.objects.filter(name__in=[task.task for task in tasks])
        .order_by("name", "-started_at")
        .distinct("name")
    }
    rows = []
    for task in sorted(tasks, key=lambda each: ORDER[each.task]):
        entry, run = BY_JOB[task.task], last.get(task.task)
        took = (run.finished_at - run.started_at) if run and run.finished_at else None
        rows.append(
            JobRow(
                pk=task.pk,
                job=task.task,
                title=entry.title,
                purpose=entry.purpose,
                if_stopped=entry.if_stopped,
                enabled=task.enabled,
                every=frequency(task),
                last=run,
                seconds=took.total_seconds() if took is not None else None,
                next_at=_next(task, now),
            )
        )
    return rows


def job_list(request: HttpRequest) -> HttpResponse:
    """The list inside the admin's own address; the admin has checked the capability."""
    rows = _rows(clock.now())
    broken = sum(1 for row in rows if row.mark == "bad")
    stopped = [row for row in rows if not row.enabled]
    verdict = ngettext(
        "%(n)s job, %(good)s in order", "%(n)s jobs, %(good)s in order", len(rows)
    ) % {"n": len(rows), "good": len(rows) - broken - len(stopped)}
    return show(
        request,
        "hq/jobs.html",
        title=_("Scheduled jobs"),
        rows=[(row, choices(row.every)) for row in rows],
        verdict=verdict,
        broken=broken,
        stopped=stopped,
    )


def _apply(task: PeriodicTask, value: str, enabled: bool) -> dict[str, Any]:
    """Change one entry; what changed, for the audit record."""
    changed: dict[str, Any] = {}
    if enabled != task.enabled:
        task.enabled = changed["enabled"] = enabled
    if value and value != frequency(task):
        kind, _colon, rest = value.partition(":")
        task.interval = task.crontab = None
        if kind == "i":
            task.interval, _made = IntervalSchedule.objects.get_or_create(
                every=int(rest), period=IntervalSchedule.SECONDS
            )
        else:
            hour, minute = rest.split(":")
            task.crontab, _made = CrontabSchedule.objects.get_or_create(
                minute=str(int(minute)),
                hour=str(int(hour)),
                day_of_week="*",
                day_of_month="*",
                month_of_year="*",
                timezone=settings.CHAIN_TIME_ZONE,
            )
        changed["every"] = value
    if changed:
        task.save()  # its signal tells beat to read the schedule again
    return changed


@hq_action(Capability.MANAGE_JOBS)
def save_jobs(request: HttpRequest) -> HttpResponse:
    """Keep changed frequencies and switches; beat follows within seconds."""
    allowed = {value for value, _words in choices("")}
    count = 0
    for task in PeriodicTask.objects.filter(task__in=BY_JOB).select_related("interval", "crontab"):
        value = request.POST.get(f"every-{task.pk}", "")
        if value not in allowed:
            value = ""  # what is there stays
        changed = _apply(task, value, request.POST.get(f"enabled-{task.pk}") == "on")
        if changed:
            count += 1
            accounts.audit(
                actor=actor_of(request),
                action="job.changed",
                object_type="periodic_task",
                object_id=task.task,
                detail=changed,
            )
    messages.success(
        request, ngettext("%(n)s job changed.", "%(n)s jobs changed.", count) % {"n": count}
    )
    return redirect(LIST)


@hq_action(Capability.MANAGE_JOBS)
def run_job(request: HttpRequest, pk: int) -> HttpResponse:
    """Ring the job's bell now. Jobs work under leases, so a run beside another does no harm."""
    task = get_object_or_404(PeriodicTask, pk=pk, task__in=BY_JOB)
    accounts.audit(
        actor=actor_of(request), action="job.run", object_type="periodic_task", object_id=task.task
    )
    wake(task.task)
    messages.success(
        request,
        _("“%(title)s” was started; its result shows here.") % {"title": BY_JOB[task.task].title},
    )
    return redirect(LIST)
