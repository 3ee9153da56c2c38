"""What the reconciler compared and healed."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from apps.accounts.admin_base import RoomAdmin, StateColumn, state_mark
from apps.accounts.capabilities import Capability
from apps.wecom_sync.models import CorpTag, GuideDay, SyncRun, TagWord


@admin.register(SyncRun)
class SyncRunAdmin(StateColumn, RoomAdmin):
    marks = {"failed": "bad", "done": "on"}
    view_capability = Capability.VIEW_HEALTH
    list_display = ["started_at", "kind", "show_state", "seen", "dry", "missing_here",
                    "missing_there", "differing", "healed", "finished_at", "error"]  # fmt: skip
    list_filter = ["kind", "state", "dry", "started_at"]
    ordering = ["-id"]
    may_add = False


class MismatchFilter(admin.SimpleListFilter):
    title = _("Mismatch list")
    parameter_name = "mismatch"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("waiting", _("nobody has asked yet")), ("all", _("all"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        rows: Any = queryset
        if self.value() == "waiting":
            return rows.mismatched().filter(looked_at=None)
        return rows.mismatched() if self.value() == "all" else rows


@admin.register(GuideDay)
class GuideDayAdmin(RoomAdmin):
    """What WeCom counted beside what was declared: facts for a question, no verdict. A day that it
    has not counted yet has no figures, not zeros."""

    view_capability = Capability.VIEW_REPORTS
    list_display = ["day", "guide", "store", "declared", "chats", "messages", "reply_percent",
                    "first_reply_minutes", "negative", "looked_at"]  # fmt: skip
    list_filter = [MismatchFilter, "store__region", "day"]
    list_select_related = ["guide", "store"]
    ordering = ["-day", "guide_id"]
    may_add = False

    def get_queryset(self, request: HttpRequest) -> QuerySet[GuideDay]:
        days: Any = super().get_queryset(request)
        found: QuerySet[GuideDay] = days.counted()
        return found


@admin.register(CorpTag)
class CorpTagAdmin(RoomAdmin):
    """Which tag of ours is which in WeCom; whose word counts is the group's setting."""

    view_capability = Capability.VIEW_REPORTS
    list_display = ["tag", "show_group", "show_winner", "name_there", "is_ours", "seen_at"]
    list_filter = ["tag__group__wecom", "is_ours", "corp_id"]
    list_select_related = ["tag__group"]
    search_fields = ["name_there", "tag__name"]
    ordering = ["tag__group__position", "tag__name"]
    may_add = False

    @admin.display(description=_("tag group"), ordering="tag__group__name")
    def show_group(self, row: CorpTag) -> str:
        return row.tag.group.name

    @admin.display(description=_("in WeCom"), ordering="tag__group__wecom")
    def show_winner(self, row: CorpTag) -> str:
        return str(row.tag.group.get_wecom_display())


@admin.register(TagWord)
class TagWordAdmin(RoomAdmin):
    """Who said what when, and what became of it."""

    view_capability = Capability.VIEW_HEALTH
    list_display = ["at", "member_id", "guide", "tag", "show_change", "side", "show_outcome"]
    list_filter = ["side", "outcome", "tag__group", "at"]
    list_select_related = ["guide", "tag__group"]
    ordering = ["-id"]
    may_add = False

    @admin.display(description=_("change"), ordering="added")
    def show_change(self, row: TagWord) -> str:
        return gettext("put on") if row.added else gettext("taken off")

    @admin.display(description=_("what became of it"), ordering="outcome")
    def show_outcome(self, row: TagWord) -> SafeString:
        mark = "bad" if row.outcome == TagWord.Outcome.REFUSED else "on"
        number = f" ({row.errcode})" if row.errcode else ""
        return state_mark(f"{row.get_outcome_display()}{number}", mark)
