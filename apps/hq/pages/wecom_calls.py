"""企微 › 调用: what was asked of WeCom, how it ended, what rests at the moment."""

from collections import defaultdict
from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from apps.accounts.capabilities import Capability
from apps.hq.access import hq_page, show
from apps.wecom.client import call_counts, latest_calls, open_again_in, paused_for
from apps.wecom.diagnosis import cause_of
from apps.wecom.models import Corp

WAITED = "waited"


@dataclass
class MethodRow:
    """One interface today."""

    path: str
    ok: int = 0
    bad: int = 0
    waited: int = 0
    closed: int = 0


def _methods(corps: list[Corp]) -> list[MethodRow]:
    found: dict[str, MethodRow] = defaultdict(lambda: MethodRow(""))
    for (path, outcome), times in call_counts().items():
        row = found[path]
        row.path = path
        if outcome == "ok":
            row.ok += times
        elif outcome == WAITED:
            row.waited += times
        else:
            row.bad += times
    closed = open_again_in([corp.corp_id for corp in corps], list(found))
    for path, seconds in closed.items():
        found[path].closed = seconds
    return sorted(found.values(), key=lambda row: (-row.closed, -row.bad, row.path))


@hq_page(Capability.VIEW_HEALTH)
def wecom_calls(request: HttpRequest) -> HttpResponse:
    """Today's figures by interface, and the latest calls, filtered by how they ended."""
    corps = list(Corp.objects.filter(is_active=True))
    outcome = request.GET.get("outcome", "")
    methods = _methods(corps)
    codes = sorted({code for _path, code in call_counts()} - {"ok", WAITED})
    waits = paused_for([corp.corp_id for corp in corps])
    return show(
        request,
        "hq/wecom_calls.html",
        title=_("Calls"),
        rows=[(call, cause_of(_code(call.outcome))) for call in latest_calls(outcome=outcome)],
        methods=methods,
        outcome=outcome,
        outcomes=[
            ("", _("all")),
            ("bad", _("all that did not end well")),
            ("ok", _("answered well")),
            *((code, code) for code in codes),
        ],
        all=sum(row.ok + row.bad for row in methods),
        bad=sum(row.bad for row in methods),
        waited=sum(row.waited for row in methods),
        paused=[(corp.name, waits[corp.corp_id]) for corp in corps if corp.corp_id in waits],
    )


def _code(outcome: str) -> str:
    return "" if outcome == "ok" else outcome
