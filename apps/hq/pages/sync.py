"""企微 › 对账: how the mirror stands, what drifted, what would change before a store goes live."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext

from apps.accounts import services as accounts
from apps.accounts.capabilities import Capability
from apps.core import clock
from apps.core.wake import wake
from apps.hq import charts
from apps.hq.access import actor_of, hq_action, hq_page, show
from apps.wecom.models import Corp
from apps.wecom_sync.errors import FriendsVanished, StaffVanished
from apps.wecom_sync.models import SyncRun
from apps.wecom_sync.selectors import KindState, kind_states
from apps.wecom_sync.services import KINDS

LAST_RUNS = 12
# what would have changed then tells little of today
REHEARSAL_STANDS = timedelta(days=3)
# an example of a dry run in words; what it names are staff, stores and numbers, never customers
WORDS: dict[str, Promise] = {
    "newcomer": gettext_lazy("%(name)s (%(userid)s) would be posted to %(store)s"),
    "leaver": gettext_lazy("%(name)s (%(userid)s) would leave: not listed in WeCom"),
    "moved": gettext_lazy(
        "%(name)s (%(userid)s) works in %(store)s and sits in %(to)s: you would be asked"
    ),
    "department_new": gettext_lazy("department %(name)s (%(number)s) is new"),
    "department_changed": gettext_lazy(
        "department %(name)s (%(number)s): renamed or moved, %(to)s"
    ),
    "department_gone": gettext_lazy("department %(name)s (%(number)s) is gone in WeCom"),
    "renamed": gettext_lazy("%(name)s (%(userid)s) would be called %(to)s"),
    "new_friends": gettext_lazy("%(name)s (%(userid)s): %(number)s friends would begin"),
    "ended_friends": gettext_lazy("%(name)s (%(userid)s): %(number)s friendships would end"),
    "tag_taken": gettext_lazy("tag %(group)s · %(tag)s would be taken over from WeCom"),
    "tag_made": gettext_lazy("tag %(group)s · %(tag)s would be made in WeCom"),
    "tag_gone": gettext_lazy("tag %(group)s · %(tag)s was deleted in WeCom"),
    "tag_renamed_here": gettext_lazy("tag %(tag)s would be called %(to)s here"),
    "tag_renamed_there": gettext_lazy("tag %(tag)s would be called %(to)s in WeCom"),
    "code_gone": gettext_lazy("code %(title)s is gone in WeCom and would be made again"),
    "unassigned_done": gettext_lazy(
        "%(name)s (%(userid)s): %(number)s handed over here are still nobody's in WeCom"
    ),
    "unassigned_unknown": gettext_lazy(
        "%(name)s (%(userid)s): %(number)s of WeCom's list are not known here as friends"
    ),
    "stores_wait": gettext_lazy(
        "%(stores)s stores are not switched on; if all were, %(number)s more people would be posted"
    ),
    "store_waits": gettext_lazy(
        "%(store)s (%(code)s) is not switched on; once it is, %(number)s more people would be "
        "posted"
    ),
    "no_department": gettext_lazy(
        "%(number)s stores have no WeCom department number: nobody is posted there"
    ),
    "refused": gettext_lazy("%(userid)s: WeCom refuses their list (%(errcode)s)"),
}
ADVICE: dict[str, Promise] = {
    StaffVanished.code: gettext_lazy(
        "Unusually many known staff are not listed, so nobody was made to leave. Check the app's "
        "visible range in WeCom; mark who really left under Guides."
    ),
    FriendsVanished.code: gettext_lazy(
        "Guides with many friends suddenly have none, so nothing was ended. Check in WeCom that "
        "the app may still use customer contact."
    ),
}
# the first word of what a call to WeCom failed with
_CALLS: dict[str, Promise] = {
    "RateLimited": gettext_lazy("WeCom asks us to slow down; it goes on later by itself"),
    "Unreachable": gettext_lazy("WeCom cannot be reached; it goes on later by itself"),
    "NoAnswer": gettext_lazy("WeCom gave no answer; it goes on later by itself"),
    "Refused": gettext_lazy("WeCom refuses the call; check the app's rights"),
    "TokenExpired": gettext_lazy("WeCom refuses our secret; check it under Apps"),
}


def advice_of(error: str) -> str:
    """What a reason means and what to do about it."""
    if error in ADVICE:
        return str(ADVICE[error])
    kind, _space, number = error.partition(" ")
    return f"{_CALLS[kind]} ({number})" if kind in _CALLS else error


@dataclass(frozen=True, slots=True)
class Row:
    """One kind: in words, with its state as a mark, the trend, and what may be pressed."""

    state: KindState
    title: str
    corp_name: str
    mark: str
    word: str
    advice: str
    goes_on: bool
    spark: charts.Spark | None


def _row(state: KindState, corps: Mapping[str, str], now: datetime) -> Row:
    last = state.last
    mark, word = _mark(state, now)
    return Row(
        state=state,
        title=str(SyncRun.Kind(state.kind).label),
        corp_name=corps[state.corp_id],
        mark=mark,
        word=word,
        advice=advice_of(last.error) if last is not None else "",
        goes_on=mark == "bad" and last is not None and bool(last.position),
        spark=charts.spark(state.drift),
    )


def _mark(state: KindState, now: datetime) -> tuple[str, str]:
    run = state.last
    if run is None:
        return "", _("never run")
    if run.is_stalled(now) or run.state == SyncRun.State.FAILED:
        return "bad", _("broken off")
    if run.state == SyncRun.State.RUNNING:
        return "warn", _("running")
    return ("warn", _("differences left")) if state.left else ("on", _("the same"))


def _examples(run: SyncRun) -> list[str]:
    told = []
    for one in run.examples:
        words = WORDS.get(one["what"])
        told.append(str(words) % one if words is not None else str(one["what"]))
    return told


@hq_page(Capability.VIEW_HEALTH)
def sync_page(request: HttpRequest) -> HttpResponse:
    """Every kind with its last run and its trend; the last dry run below; the last runs."""
    corps = dict(Corp.objects.filter(is_active=True).values_list("corp_id", "name"))
    states = kind_states(kinds=list(KINDS), corp_ids=list(corps))
    now = clock.now()
    rows = [_row(state, corps, now) for state in states]
    rehearsals = [
        {"row": row, "run": row.state.rehearsal, "examples": _examples(row.state.rehearsal)}
        for row in rows
        if row.state.rehearsal is not None
        and row.state.rehearsal.started_at > now - REHEARSAL_STANDS
    ]
    return show(
        request,
        "hq/sync.html",
        title=pgettext("menu", "Comparison"),
        rows=rows,
        verdict=_verdict(rows),
        several=len(corps) > 1,
        rehearsals=rehearsals,
        runs=SyncRun.objects.order_by("-pk")[:LAST_RUNS],
        may_act=actor_of(request).can(Capability.MANAGE_WECOM),
    )


def _verdict(rows: list[Row]) -> str:
    if not rows:
        return _("No WeCom corp is connected yet.")
    bad = [row.title for row in rows if row.mark == "bad"]
    if bad:
        return _("Broken off: %(what)s") % {"what": "、".join(dict.fromkeys(bad))}
    left = sum(row.state.left for row in rows)
    if left:
        return _("%(n)s differences are left") % {"n": f"{left:,}"}
    never = all(row.state.last is None for row in rows)
    return _("Nothing has been compared yet") if never else _("Both sides are the same")


@hq_action(Capability.MANAGE_WECOM)
def compare_now(request: HttpRequest, kind: str) -> HttpResponse:
    """Compare one kind now, go on with one that stopped, or only ask what would change."""
    if kind not in KINDS:
        raise Http404
    corp = Corp.objects.filter(corp_id=request.POST.get("corp", ""), is_active=True).first()
    if corp is None:
        messages.error(request, _("No WeCom corp is connected yet."))
        return redirect("hq:sync")
    dry = request.POST.get("dry") == "yes"
    detail: dict[str, Any] = {"kind": kind, "dry": dry}
    accounts.audit(
        actor=actor_of(request), action="job.run", object_id="wecom_sync.compare", detail=detail
    )
    wake("wecom_sync.compare", corp_id=corp.corp_id, kind=kind, dry=dry)
    if dry:
        messages.success(request, _("Started. The dry run changes nothing; its result is below."))
    else:
        messages.success(request, _("Started."))
    return redirect("hq:sync")
