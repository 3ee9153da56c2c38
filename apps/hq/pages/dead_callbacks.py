"""企微 › 死信: events that were given up, by reason; read one, a group or a span of time again."""

from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext_lazy

from apps.accounts.capabilities import Capability
from apps.core import clock
from apps.hq.access import actor_of, hq_action, hq_page, show
from apps.wecom import services as wecom
from apps.wecom.callback_words import event_words, reason_words
from apps.wecom.selectors import DeadGroup, dead_groups, event_counts

PAGE = "hq:dead_callbacks"


@dataclass(frozen=True, slots=True)
class GroupRow:
    """A group ready to print."""

    group: DeadGroup
    kind: str
    meaning: str
    link: str


class AgainForm(forms.Form):
    """Which callbacks are read again."""

    since = forms.DateTimeField(
        label=pgettext_lazy("span of time", "From"),
        required=False,
        widget=forms.DateTimeInput({"type": "datetime-local"}),
    )
    until = forms.DateTimeField(
        label=pgettext_lazy("span of time", "Until"),
        required=False,
        widget=forms.DateTimeInput({"type": "datetime-local"}),
    )
    event = forms.CharField(required=False, max_length=64, widget=forms.HiddenInput)
    change_type = forms.CharField(required=False, max_length=64, widget=forms.HiddenInput)
    reason = forms.CharField(required=False, max_length=200, widget=forms.HiddenInput)
    handled = forms.BooleanField(
        label=gettext_lazy("handled ones too: reading an event again never counts twice"),
        required=False,
    )

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        since, until = given.get("since"), given.get("until")
        if since and until and since >= until:
            raise forms.ValidationError(_("“From” must lie before “until”."))
        if given.get("handled") and not (since and until):
            raise forms.ValidationError(_("Handled ones too: give both times."))
        return given


def _row(group: DeadGroup) -> GroupRow:
    asked = {"status__exact": "dead", "kind": f"{group.event}.{group.change_type}"}
    return GroupRow(
        group=group,
        kind=event_words(group.event, group.change_type),
        meaning=reason_words(group.reason),
        link=f"{reverse('admin:wecom_rawcallback_changelist')}?{urlencode(asked)}",
    )


def _page(request: HttpRequest, form: AgainForm, status: int = 200) -> HttpResponse:
    now = clock.now()
    groups = [_row(group) for group in dead_groups()]
    today = event_counts(since=clock.day_start(clock.business_day(now)))
    return show(
        request,
        "hq/dead_callbacks.html",
        title=_("Given-up events"),
        status=status,
        groups=groups,
        dead=sum(row.group.count for row in groups),
        today=[(count, event_words(count.event, count.change_type)) for count in today],
        form=form,
        may_act=actor_of(request).can(Capability.MANAGE_WECOM),
    )


@hq_page(Capability.VIEW_HEALTH)
def dead_callbacks(request: HttpRequest) -> HttpResponse:
    """Why events were given up, how many, and today's events by kind."""
    return _page(request, AgainForm())


@hq_action(Capability.MANAGE_WECOM)
def read_again(request: HttpRequest) -> HttpResponse:
    """Have a group, or everything of a span of time, read again."""
    form = AgainForm(request.POST)
    if not form.is_valid():
        return _page(request, form, status=422)
    count = wecom.replay_chosen(chosen=wecom.Chosen(**form.cleaned_data), actor=actor_of(request))
    messages.success(
        request,
        ngettext("%(n)s event will be read again.", "%(n)s events will be read again.", count)
        % {"n": count},
    )
    return redirect(PAGE)
