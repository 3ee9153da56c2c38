"""企微 › 健康 and 结果未知的发送: what works, what needs a person, one action per row."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Count, Min, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.timesince import timesince
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from apps.accounts import services as accounts
from apps.accounts.actor import Actor
from apps.accounts.capabilities import Capability
from apps.accounts.naming import names_of, reference_of
from apps.contact_codes.models import LinkQuota
from apps.core import clock
from apps.core.errors import DomainError
from apps.core.wake import wake
from apps.customer_groups import services as customer_groups
from apps.customer_groups.models import GroupSend
from apps.hq.access import actor_of, hq_action, hq_page, show
from apps.hq.pages.sync import advice_of
from apps.outreach import services as outreach
from apps.outreach import sms
from apps.outreach.models import (
    Dispatch,
    DispatchRecipient,
    GuideNotice,
    GuideSend,
    MomentPost,
    SmsMessage,
)
from apps.outreach.selectors import welcome_day
from apps.outreach.services.asking import time_to_read_own
from apps.wecom.client import call_counts, paused_for
from apps.wecom.models import Corp, RawCallback
from apps.wecom.selectors import inbox_health
from apps.wecom_sync.models import SyncRun

LOST = frozenset({"wecom_unreachable", "wecom_no_answer"})
SLOW = timedelta(minutes=5)
PER_PAGE = 50


@dataclass(frozen=True, slots=True)
class HealthRow:
    """One subject: its state, its value, what it means, one action."""

    title: str | Promise
    text: str | Promise
    mark: str
    state: str | Promise
    value: str
    small: str
    meaning: str
    advice: str
    action: str | Promise
    link: str = ""
    post: str = ""

    @property
    def in_order(self) -> bool:
        return self.mark == "on"


def _state(bad: bool, tone: str = "bad") -> tuple[str, str]:
    return (tone, _("needs you")) if bad else ("on", _("in order"))


def _dead(dead: int) -> HealthRow:
    mark, state = _state(bool(dead))
    return HealthRow(
        title=_("Given-up callbacks"),
        text=_("Events that could not be handled after several tries. They are kept as they came; "
               "processing them again never counts twice."),
        mark=mark, state=state, value=f"{dead:,}", small=_("events"),
        meaning=_("friend events that have not reached the record") if dead else _("none"),
        advice=_("look at the reason, mend it, read them again") if dead else "",
        action=_("See the reasons"),
        link=reverse("hq:dead_callbacks"),
    )  # fmt: skip


def _unknown() -> HealthRow:
    """Sends, moments posts and sends to groups alike: one page settles both."""
    counted = [
        rows.unknown().aggregate(n=Count("pk"), since=Min("unknown_since"))
        for rows in (Dispatch.objects, MomentPost.objects, GroupSend.objects)
    ]
    unknown = sum(row["n"] for row in counted)
    oldest = min((row["since"] for row in counted if row["since"]), default=None)
    mark, state = _state(bool(unknown), "warn")
    return HealthRow(
        title=_("Sends with unknown outcome"),
        text=_("WeCom's reply was lost and its list did not settle it. Never repeated by itself."),
        mark=mark, state=state, value=f"{unknown:,}", small=_("batches"),
        meaning=_("oldest since %(when)s") % {"when": timesince(oldest)} if oldest else _("none"),
        advice=_("will not be sent again by itself") if unknown else "",
        action=_("Settle"), link=reverse("hq:unknown_sends"),
    )  # fmt: skip


def _lag(waiting: int, oldest: datetime | None, now: datetime) -> HealthRow:
    late = oldest is not None and now - oldest > SLOW
    mark, state = _state(late, "warn")
    seconds = int((now - oldest).total_seconds()) if oldest else 0
    return HealthRow(
        title=_("Callback delay"),
        text=_("How long the oldest stored event has been waiting to be handled."),
        mark=mark, state=state, value=_("%(n)s s") % {"n": seconds}, small=_("line: 5 minutes"),
        meaning=_("%(n)s events wait") % {"n": waiting}, advice="",
        action=_("Handle now"), post=reverse("hq:wecom_wake", args=["handle_callbacks"]),
    )  # fmt: skip


def _calls() -> HealthRow:
    """Today's calls; those that wait for their turn are normal, those without an answer are not."""
    counted = call_counts()
    lost = sum(n for (_path, outcome), n in counted.items() if outcome in LOST)
    made = sum(n for (_path, outcome), n in counted.items() if outcome != "waited")
    resting = paused_for(
        list(Corp.objects.filter(is_active=True).values_list("corp_id", flat=True))
    )
    mark, state = _state(bool(resting), "warn")
    return HealthRow(
        title=_("Calls to WeCom"),
        text=_("What we asked WeCom today. Limits are kept by waiting; nothing is lost by it."),
        mark=mark, state=state, value=f"{made:,}", small=_("calls today"),
        meaning=_("%(lost)s without an answer") % {"lost": lost},
        advice=_("WeCom is not answering, so we wait before asking again.") if resting else "",
        action=_("See the calls"), link=reverse("hq:wecom_calls"),
    )  # fmt: skip


def _inbox(now: datetime) -> HealthRow:
    today = clock.day_start(clock.business_day(now))
    counted = RawCallback.objects.filter(received_at__gte=today).aggregate(
        all=Count("pk"),
        done=Count("pk", filter=Q(status="done")),
        ignored=Count("pk", filter=Q(status="ignored")),
        waiting=Count("pk", filter=Q(status__in=["received", "processing"])),
        dead=Count("pk", filter=Q(status="dead")),
    )
    return HealthRow(
        title=_("Callback inbox"),
        text=_("Every event is stored as it came before WeCom is answered. Received = handled + "
               "not for us + waiting + given up."),
        mark="on", state=_("in order"), value=f"{counted['all']:,}", small=_("received today"),
        meaning=_("handled %(done)s · not for us %(ignored)s · waiting %(waiting)s · given up "
                  "%(dead)s") % counted,
        advice="", action=_("Open the inbox"),
        link=reverse("admin:wecom_rawcallback_changelist"),
    )  # fmt: skip


def _sync() -> HealthRow:
    """The last run of each kind: a good one does not hide that the other one stopped."""
    runs = list(SyncRun.objects.filter(dry=False).order_by("kind", "-started_at").distinct("kind"))
    failed = [run for run in runs if run.state == SyncRun.State.FAILED]
    mark, state = _state(bool(failed))
    if not runs:
        mark, state = "", _("never run")
    figures = {
        name: sum(getattr(run, name) for run in runs)
        for name in ("missing_here", "missing_there", "differing", "healed")
    }
    return HealthRow(
        title=_("Comparison with WeCom"),
        text=_("Departments, staff and friends, ours against WeCom's, every night."),
        mark=mark, state=state,
        value=f"{sum(run.seen for run in runs):,}" if runs else "—",
        small=_("seen in the last run"),
        meaning=_("missing here %(missing_here)s · missing in WeCom %(missing_there)s · "
                  "differing %(differing)s · healed %(healed)s") % figures
        if runs else "",
        advice="；".join(advice_of(run.error) for run in failed),
        action=_("Open the comparison"), link=reverse("hq:sync"),
    )  # fmt: skip


def _sends(now: datetime) -> HealthRow:
    since = now - timedelta(days=1)
    counted = Dispatch.objects.filter(created_at__gte=since).aggregate(
        all=Count("pk"),
        failed=Count("pk", filter=Q(state="failed")),
        held=Count("pk", filter=Q(state="held")),
        confirm=Count("pk", filter=Q(state="handed_over")),
    )
    notices = GuideNotice.objects.filter(created_at__gte=since, state="failed").count()
    bad = bool(counted["failed"] or notices)
    mark, state = _state(bad, "warn")
    return HealthRow(
        title=_("Sends and notices"),
        text=_("Everything created in the last 24 hours."),
        mark=mark, state=state, value=f"{counted['all']:,}", small=_("sends in 24 hours"),
        meaning=_("failed %(failed)s · held until allowed hours %(held)s · waiting for the guide "
                  "%(confirm)s") % counted,
        advice=_("%(n)s notices to guides failed") % {"n": notices} if notices else "",
        action=_("See the sends"), link=reverse("admin:outreach_dispatch_changelist"),
    )  # fmt: skip


def _own_sends(now: datetime) -> HealthRow:
    """What guides sent without us: until it is read, colleagues do not know of it."""
    waiting = GuideSend.objects.filter(due_at__lte=now, sent_at=None).count()
    minutes = time_to_read_own(sends=waiting) // timedelta(minutes=1)
    return HealthRow(
        title=_("Guides' own sends"),
        text=_("Sends of their own in WeCom, read to keep its limit and to leave these customers "
               "alone for a day."),
        mark="on", state=_("in order"), value=f"{waiting:,}", small=_("to be read"),
        meaning=_("all read within %(n)s min") % {"n": minutes} if waiting else _("none"),
        advice="", action=_("See the calls"), link=reverse("hq:wecom_calls"),
    )  # fmt: skip


def _sms(now: datetime) -> HealthRow:
    """Codes to customers' phones: without a provider known numbers cannot be linked."""
    connected = sms.is_connected()
    counted = SmsMessage.objects.filter(created_at__gte=now - timedelta(days=1)).aggregate(
        all=Count("pk"), failed=Count("pk", filter=Q(state__in=["failed", "expired"]))
    )
    mark, state = _state(not connected or bool(counted["failed"]), "warn")
    return HealthRow(
        title=_("SMS to customers"),
        text=_("Codes by which members sign in and known numbers are linked to an invitation."),
        mark=mark, state=state, value=f"{counted['all']:,}", small=_("SMS in 24 hours"),
        meaning=_("not sent: %(failed)s") % counted if connected else _("nothing can be sent"),
        advice="" if connected else _("name a provider in SMS_SENDER, see docs/running.md"),
        action=_("See the SMS"), link=reverse("admin:outreach_smsmessage_changelist"),
    )  # fmt: skip


def _welcomes(now: datetime) -> HealthRow:
    day = welcome_day(now=now)
    lost = day.missed + day.unknown + day.failed
    mark, state = _state(bool(lost or day.no_words), "warn")
    advice = _("their guides were asked to say hello") if lost else ""
    if day.no_words:
        advice = _("mark one script as the welcome message")
    return HealthRow(
        title=_("Welcomes to new friends"),
        text=_("The first words that go out by themselves, within WeCom's 20 seconds. "
               "Counted for today."),
        mark=mark, state=state, value=f"{day.sent:,}", small=_("sent today"),
        meaning=_("missed %(missed)s · unknown %(unknown)s · refused %(failed)s") % {
            "missed": day.missed, "unknown": day.unknown, "failed": day.failed,
        } + ("" if day.p95_s is None else _(" · 95%% within %(s).1f s") % {"s": day.p95_s}),
        advice=advice, action=_("See the welcomes"),
        link=reverse("admin:outreach_welcome_changelist"),
    )  # fmt: skip


def _links() -> list[HealthRow]:
    """Only where acquisition links are used."""
    quotas = list(LinkQuota.objects.order_by("balance"))
    if not quotas:
        return []
    least = quotas[0]
    mark, state = _state(least.is_low, "warn" if least.balance else "bad")
    lapse = least.next_expiry
    return [HealthRow(
        title=_("Acquisition links"),
        text=_("Each friend who comes by a link uses up one of the quota bought in WeCom."),
        mark=mark, state=state, value=f"{least.balance:,}", small=_("of the quota left"),
        meaning=_("the first ones lapse on %(day)s") % {"day": f"{lapse:%Y-%m-%d}"}
        if lapse else _("none lapse"),
        advice=_("buy more in WeCom's admin, Acquisition assistant") if least.is_low else "",
        action=_("See the links"), link=f"{reverse('hq:codes')}?medium=link",
    )]  # fmt: skip


@hq_page(Capability.VIEW_HEALTH)
def health(request: HttpRequest) -> HttpResponse:
    """What works and who is affected, broken first."""
    now = clock.now()
    inbox = inbox_health()
    rows = [
        _dead(inbox.dead),
        _unknown(),
        _lag(inbox.waiting, inbox.oldest_waiting_at, now),
        _sync(),
        _sends(now),
        _own_sends(now),
        _sms(now),
        _welcomes(now),
        _calls(),
        _inbox(now),
        *_links(),
    ]
    rows.sort(key=lambda row: {"bad": 0, "warn": 1, "": 2}.get(row.mark, 3))
    good = sum(row.in_order for row in rows)
    verdict = _("%(good)s of %(all)s in order") % {"good": good, "all": len(rows)}
    if good < len(rows):
        verdict += ngettext(", %(n)s needs you", ", %(n)s need you", len(rows) - good) % {
            "n": len(rows) - good
        }
    return show(
        request,
        "hq/wecom_health.html",
        title=_("WeCom health"),
        rows=rows,
        verdict=verdict,
        now=now,
        may_act=actor_of(request).can(Capability.MANAGE_WECOM),
    )


_BELLS = {"handle_callbacks", "reconcile", "poll_results"}


@hq_action(Capability.MANAGE_WECOM)
def wecom_wake(request: HttpRequest, job: str) -> HttpResponse:
    """Start one of the sync jobs now."""
    if job in _BELLS:
        accounts.audit(actor=actor_of(request), action="job.run", object_id=f"wecom_sync.{job}")
        wake(f"wecom_sync.{job}")
        messages.success(request, _("Started."))
    return redirect("hq:wecom_health")


@hq_page(Capability.VIEW_HEALTH)
def unknown_sends(request: HttpRequest) -> HttpResponse:
    """Sends whose outcome nobody knows: who, to how many, since when, and the one question."""
    sends = (
        Dispatch.objects.unknown()
        .visible_to(actor_of(request))
        .select_related("guide")
        .order_by("unknown_since", "pk")
    )
    page = Paginator(sends, PER_PAGE).get_page(request.GET.get("page"))
    receivers = dict(
        DispatchRecipient.objects.filter(dispatch__in=[row.pk for row in page])
        .order_by()
        .values_list("dispatch_id")
        .annotate(n=Count("pk"))
    )
    rows: list[dict[str, Any]] = [
        {"send": row, "receivers": receivers.get(row.pk, 0)} for row in page
    ]
    return show(
        request,
        "hq/unknown_sends.html",
        title=_("Sends with unknown outcome"),
        page=page,
        rows=rows,
        posts=_unknown_posts(actor_of(request)),
        to_groups=_unknown_to_groups(actor_of(request)),
        may_act=actor_of(request).can(Capability.SETTLE_SENDS),
    )


def _unknown_posts(actor: Actor) -> list[dict[str, Any]]:
    """Moments posts of which nobody knows, each with the push it is of; few, so no pages."""
    posts = list(
        MomentPost.objects.unknown().visible_to(actor).order_by("unknown_since", "pk")[:PER_PAGE]
    )
    names = names_of(reference_of(post.source) for post in posts)
    return [{"post": post, "named": names.get(reference_of(post.source))} for post in posts]


def _unknown_to_groups(actor: Actor) -> list[dict[str, Any]]:
    """Sends to groups of which nobody knows, each with the push it is of; few, so no pages."""
    found = GroupSend.objects.unknown().visible_to(actor).select_related("guide")
    sends = list(found.order_by("unknown_since", "pk")[:PER_PAGE])
    names = names_of(reference_of(send.source) for send in sends)
    return [{"send": send, "named": names.get(reference_of(send.source))} for send in sends]


@hq_action(Capability.SETTLE_SENDS)
def decide_group_send(request: HttpRequest, pk: int) -> HttpResponse:
    """A person has looked into WeCom and says whether the send to groups is there."""
    actor = actor_of(request)
    send = get_object_or_404(GroupSend.objects.visible_to(actor).select_related("guide"), pk=pk)
    happened = request.POST.get("happened") == "yes"
    try:
        customer_groups.decide_group_send(
            send=send, happened=happened, actor=actor, now=clock.now()
        )
    except DomainError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, _("Settled."))
    return redirect("hq:unknown_sends")


@hq_action(Capability.SETTLE_SENDS)
def decide_send(request: HttpRequest, pk: int) -> HttpResponse:
    """A person has looked into WeCom and says what became of the send."""
    send = get_object_or_404(Dispatch.objects.visible_to(actor_of(request)), pk=pk)
    happened = request.POST.get("happened") == "yes"
    try:
        outreach.decide_unknown(
            dispatch=send, happened=happened, actor=actor_of(request), now=clock.now()
        )
    except DomainError as error:
        messages.error(request, str(error))
    else:
        accounts.audit(
            actor=actor_of(request),
            action="send.decided",
            object_type="dispatch",
            object_id=send.pk,
            detail={"happened": happened},
        )
        messages.success(request, _("Settled."))
    return redirect("hq:unknown_sends")


@hq_action(Capability.SETTLE_SENDS)
def decide_moment(request: HttpRequest, pk: int) -> HttpResponse:
    """A person has looked into WeCom and says whether the moments post is there."""
    actor = actor_of(request)
    post = get_object_or_404(MomentPost.objects.visible_to(actor), pk=pk)
    published = request.POST.get("published") == "yes"
    try:
        outreach.decide_moment(post=post, published=published, actor=actor, now=clock.now())
    except DomainError as error:
        messages.error(request, str(error))
    else:
        accounts.audit(
            actor=actor,
            action="moment.decided",
            object_type="moment_post",
            object_id=post.pk,
            detail={"published": published},
        )
        messages.success(request, _("Settled."))
    return redirect("hq:unknown_sends")
