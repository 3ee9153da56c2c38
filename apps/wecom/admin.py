from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext, pgettext_lazy
from unfold.decorators import display

from apps.accounts.admin_base import RoomAdmin, actor_of
from apps.accounts.capabilities import Capability
from apps.wecom import services
from apps.wecom.callback_words import KINDS, event_words, reason_words
from apps.wecom.forms import CallbackEndpointForm, CorpAppForm, CorpForm
from apps.wecom.models import CallbackEndpoint, Corp, CorpApp, RawCallback


class WeComAdmin(RoomAdmin):
    """Only who manages the WeCom connection sees these pages."""

    view_capability = Capability.MANAGE_WECOM
    edit_capability = Capability.MANAGE_WECOM


class ConnectionAdmin(WeComAdmin):
    """What is entered of a connection: from the checklist, and back to it."""

    app_by = ""  # the field of an app that holds what is edited here

    def response_post_save_change(self, request: HttpRequest, obj: Any) -> HttpResponse:
        app = CorpApp.objects.filter(**{self.app_by: obj.pk}).order_by("pk").first()
        if app is None:
            return super().response_post_save_change(request, obj)
        return redirect("hq:connection", app.pk)


@admin.register(Corp)
class CorpAdmin(ConnectionAdmin):
    app_by = "corp"
    form = CorpForm
    list_display = ["name", "corp_id", "is_active", "updated_at"]
    readonly_fields = ["contact_secret_set_at"]
    search_fields = ["name", "corp_id"]


@admin.register(CorpApp)
class CorpAppAdmin(ConnectionAdmin):
    app_by = "pk"
    form = CorpAppForm
    list_display = ["name", "corp", "agent_id", "kind", "updated_at"]
    readonly_fields = ["secret_set_at"]
    list_filter = ["corp", "kind"]
    list_select_related = ["corp"]
    search_fields = ["name"]


@admin.register(CallbackEndpoint)
class CallbackEndpointAdmin(ConnectionAdmin):
    app_by = "endpoints"
    form = CallbackEndpointForm
    list_display = ["slug", "corp", "app", "receive_id", "updated_at"]
    readonly_fields = ["keys_set_at", "verified_at"]
    list_select_related = ["corp", "app"]
    search_fields = ["slug"]


class KindFilter(admin.SimpleListFilter):
    """By what happened, in words; the address holds WeCom's own."""

    title = pgettext_lazy("WeCom", "event")
    parameter_name = "kind"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [(".".join(kind), words) for kind, words in KINDS.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        if not self.value():
            return queryset
        event, _dot, change_type = str(self.value()).partition(".")
        return queryset.filter(event=event, change_type=change_type)


@admin.register(RawCallback)
class RawCallbackAdmin(WeComAdmin):
    """The inbox: read it, filter it, let a row be read again."""

    view_capability = Capability.VIEW_HEALTH
    may_add = False
    list_display = [
        "received_at",
        "show_status",
        "show_kind",
        "endpoint",
        "attempts",
        "show_note",
        "handled_at",
    ]
    list_filter = ["status", KindFilter, "endpoint", "received_at"]
    list_select_related = ["endpoint"]
    date_hierarchy = "received_at"
    readonly_fields = [
        "endpoint",
        "event",
        "change_type",
        "fields",
        "created_by_wecom_at",
        "received_at",
        "status",
        "attempts",
        "not_before",
        "last_error",
        "handled_at",
    ]
    actions = ["replay_selected"]

    @display(
        description=_("status"),
        ordering="status",
        label={
            "received": "info",
            "processing": "info",
            "done": "success",
            "ignored": "info",
            "dead": "danger",
        },
    )
    def show_status(self, row: RawCallback) -> tuple[str, str]:
        return row.status, row.get_status_display()

    @display(description=pgettext_lazy("WeCom", "event"), ordering="event")
    def show_kind(self, row: RawCallback) -> str:
        return event_words(row.event, row.change_type)

    @admin.display(description=_("last error"), ordering="last_error")
    def show_note(self, row: RawCallback) -> str:
        return reason_words(row.last_error) or row.last_error

    @admin.action(description=_("Process again"), permissions=["change"])
    def replay_selected(self, request: HttpRequest, queryset: QuerySet[RawCallback]) -> None:
        replayed = services.replay(
            ids=list(queryset.values_list("pk", flat=True)),
            actor=actor_of(request),
        )
        messages.success(
            request,
            ngettext(
                "%(count)d callback will be processed again.",
                "%(count)d callbacks will be processed again.",
                replayed,
            )
            % {"count": replayed},
        )
