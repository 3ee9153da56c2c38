"""待办 on the home page: what needs a person, in words, with the page where it is settled."""

from dataclasses import dataclass
from typing import Any

from django.urls import reverse
from django.utils.functional import Promise
from django.utils.timesince import timesince
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext_lazy

from apps.reports.shapes import Todo


@dataclass(frozen=True, slots=True)
class TodoRow:
    """One thing to do, with one verb."""

    text: str
    detail: str | Promise
    verb: str | Promise
    link: str
    tone: str


@dataclass(frozen=True, slots=True)
class _Kind:
    """How one kind is said: `words` by number; `detail` stands where how long is not the point."""

    words: Any
    page: str
    verb: str | Promise = gettext_lazy("Look")
    detail: str | Promise = ""
    filtered: str = ""
    tone: str = ""


_LOST_REPLY = gettext_lazy("the reply was lost; will not be made again by itself")
_HANDLE, _SETTLE = gettext_lazy("Handle"), gettext_lazy("Settle")

_KINDS = {
    "sync_failed": _Kind(
        ngettext_lazy("%(n)s comparison with WeCom failed",
                      "%(n)s comparisons with WeCom failed", "count"),
        "hq:sync", _HANDLE, tone="bad",
    ),
    "callback_dead": _Kind(
        ngettext_lazy("%(n)s WeCom event was given up",
                      "%(n)s WeCom events were given up", "count"),
        "hq:dead_callbacks", _HANDLE, tone="bad",
    ),
    "send_unknown": _Kind(
        ngettext_lazy("%(n)s send with unknown outcome",
                      "%(n)s sends with unknown outcome", "count"),
        "hq:unknown_sends", _SETTLE,
        gettext_lazy("the reply was lost; will not be sent again by itself"),
    ),
    "moment_unknown": _Kind(
        ngettext_lazy("%(n)s moments post with unknown outcome",
                      "%(n)s moments posts with unknown outcome", "count"),
        "hq:unknown_sends", _SETTLE, _LOST_REPLY,
    ),
    "group_send_unknown": _Kind(
        ngettext_lazy("%(n)s send to groups with unknown outcome",
                      "%(n)s sends to groups with unknown outcome", "count"),
        "hq:unknown_sends", _SETTLE, _LOST_REPLY,
    ),
    "series": _Kind(
        ngettext_lazy("%(n)s repeating push left a day out",
                      "%(n)s repeating pushes left days out", "count"),
        "hq:series_list",
    ),
    "overdue": _Kind(
        ngettext_lazy("%(n)s customer is past the due time",
                      "%(n)s customers are past the due time", "count"),
        "hq:overdue",
    ),
    "unserved": _Kind(
        ngettext_lazy("%(n)s friend has no serving guide",
                      "%(n)s friends have no serving guide", "count"),
        "hq:unserved", detail=gettext_lazy("their guide has left, or nobody was named"),
    ),
    "look_ups": _Kind(
        ngettext_lazy("%(n)s person looked up unusually many customers",
                      "%(n)s people looked up unusually many customers", "count"),
        "hq:access", tone="bad",
    ),
    "risks": _Kind(
        ngettext_lazy("%(n)s risk signal about a guide waits",
                      "%(n)s risk signals about guides wait", "count"),
        "hq:risks", detail=gettext_lazy("a question, not a verdict"),
    ),
    "cases": _Kind(
        ngettext_lazy("%(n)s complaint is in head office's hand",
                      "%(n)s complaints are in head office's hand", "count"),
        "admin:cases_servicecase_changelist", _HANDLE, filtered="?holder__exact=hq&due=waiting",
    ),
    "cases_late": _Kind(
        ngettext_lazy("%(n)s complaint in a store is past its time",
                      "%(n)s complaints in stores are past their time", "count"),
        "admin:cases_servicecase_changelist", filtered="?holder__exact=store&due=late",
    ),
    "commission": _Kind(
        ngettext_lazy("%(n)s question of a guide about commission waits",
                      "%(n)s questions of guides about commission wait", "count"),
        "hq:commission_questions",
    ),
    "mismatch": _Kind(
        ngettext_lazy("%(n)s guide's day declares more contacts than WeCom counted chats",
                      "%(n)s guides' days declare more contacts than WeCom counted chats", "count"),
        "admin:wecom_sync_guideday_changelist", filtered="?mismatch=waiting",
    ),
    "scripts": _Kind(
        ngettext_lazy("%(n)s script of a guide waits for head office's word",
                      "%(n)s scripts of guides wait for head office's word", "count"),
        "hq:script_proposals",
    ),
    "access": _Kind(
        ngettext_lazy("%(n)s request of a store waits for an answer",
                      "%(n)s requests of stores wait for an answer", "count"),
        "hq:access", detail=gettext_lazy("a look, whose customer, a concession"),
    ),
}  # fmt: skip


def todo_row(todo: Todo) -> TodoRow:
    kind = _KINDS[todo.code]
    since = _("for %(time)s") % {"time": timesince(todo.since)} if todo.since else ""
    return TodoRow(
        text=kind.words % {"count": todo.count, "n": f"{todo.count:,}"},
        detail=kind.detail or since,
        verb=kind.verb,
        link=reverse(kind.page) + kind.filtered,
        tone=kind.tone,
    )
