"""Head office's rules. One that counts already is ended and followed by another one."""

from decimal import Decimal
from typing import Any

from django import forms
from django.contrib import admin
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext, pgettext_lazy
from unfold.widgets import UnfoldAdminDecimalFieldWidget

from apps.accounts.admin_base import RoomAdmin, state_mark
from apps.accounts.capabilities import Capability
from apps.commissions.models import CommissionRule
from apps.core import clock

_KEPT = ["party", "scope", "category", "style_no", "percent", "priority", "starts_on"]


class RuleForm(forms.ModelForm):
    """The rate is written in percent and kept in basis points."""

    percent = forms.DecimalField(
        label=pgettext_lazy("commission", "rate"),
        help_text=_("percent of what was paid for the line"),
        min_value=Decimal("0.01"),
        max_value=50,
        max_digits=4,
        decimal_places=2,
        widget=UnfoldAdminDecimalFieldWidget,
    )

    class Meta:
        model = CommissionRule
        fields = ["name", "party", "scope", "category", "style_no", "priority", "starts_on",
                  "ends_on"]  # fmt: skip

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        begun = self.instance.pk and self.instance.has_begun(on=clock.today())
        if self.instance.rate_bp and "percent" in self.fields:
            self.fields["percent"].initial = Decimal(self.instance.rate_bp) / 100
        for name in _KEPT if begun else []:
            if name in self.fields:
                self.fields[name].disabled = True

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if "percent" in cleaned:
            self.instance.rate_bp = int(cleaned["percent"] * 100)
        return cleaned


@admin.register(CommissionRule)
class CommissionRuleAdmin(RoomAdmin):
    view_capability = Capability.VIEW_COMMISSIONS
    edit_capability = Capability.SETTLE_COMMISSIONS
    form = RuleForm
    empty_words = _("No rule yet. Add one: from its first day on, orders earn commission.")
    list_display = ["name", "show_percent", "party", "show_goods", "priority", "starts_on",
                    "ends_on", "show_state"]  # fmt: skip
    list_filter = ["party", "scope"]
    search_fields = ["name", "category", "style_no"]
    ordering = ["-starts_on", "-pk"]
    fieldsets = [
        (None, {"fields": ["name", ("party", "percent")]}),
        (pgettext_lazy("commission", "goods"), {"fields": ["scope", ("category", "style_no")]}),
        (_("How long"), {"fields": [("starts_on", "ends_on"), "priority"]}),
    ]

    @admin.display(description=pgettext_lazy("commission", "rate"), ordering="rate_bp")
    def show_percent(self, row: CommissionRule) -> str:
        return row.percent

    @admin.display(description=pgettext_lazy("commission", "goods"))
    def show_goods(self, row: CommissionRule) -> str:
        return row.category or row.style_no or str(row.get_scope_display())

    @admin.display(description=_("state"))
    def show_state(self, row: CommissionRule) -> SafeString:
        today = clock.today()
        if not row.has_begun(on=today):
            return state_mark(pgettext("commission", "to come"))
        if row.ends_on is not None and row.ends_on < today:
            return state_mark(pgettext("commission", "over"))
        return state_mark(pgettext("commission", "counts"), "on")
