"""Head office's side: coupons with what became of them, and who got which."""

from decimal import Decimal
from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import Count, Model, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from django.utils.formats import date_format
from django.utils.safestring import SafeString
from django.utils.translation import gettext, pgettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _
from import_export.fields import Field
from import_export.widgets import IntegerWidget, ManyToManyWidget, Widget
from unfold.views import ChangeList
from unfold.widgets import UnfoldAdminDecimalFieldWidget

from apps.accounts.admin_base import ImportExportAdmin, RoomAdmin, state_mark
from apps.accounts.capabilities import Capability
from apps.accounts.resource_base import ChoiceWidget, DayWidget, RoomResource
from apps.core import clock
from apps.loyalty.models import ALREADY_GIVEN, Coupon, CouponIssue, PointsEntry, PointsTerms
from apps.loyalty.selectors import WELCOME, Figures, until_words, worth_words
from apps.members.admin_base import MemberColumn
from apps.stores.models import Store

SEEN_NAMES = {"off_fen": "off", "from_fen": "from_amount"}
YES_NO = [("yes", _("yes")), ("no", _("no"))]
MARKS = {
    CouponIssue.State.USABLE: "on",
    CouponIssue.State.LATER: "warn",
    CouponIssue.State.USED: "on",
    CouponIssue.State.EXPIRED: "",
    CouponIssue.State.WITHDRAWN: "",
}


def by_seen_name(error: ValidationError) -> dict[str, Any]:
    """What is wrong, by the names of the fields that people see."""
    return {SEEN_NAMES.get(name, name): found for name, found in error.error_dict.items()}


# --- the sheet -----------------------------------------------------------------------------------


class YuanWidget(Widget):
    """An amount as people write it, kept in fen."""

    def clean(self, value: Any, row: Any = None, **kwargs: Any) -> int:
        text = str(value or "").strip().lstrip("¥").replace(",", "")
        try:
            fen = Decimal(text or "0") * 100
            whole = int(fen)
        except (ArithmeticError, ValueError):
            whole, fen = -1, Decimal(0)
        if whole < 0 or whole != fen:
            raise ValueError(_("“%(value)s” is no amount in yuan.") % {"value": text})
        return whole

    def render(self, value: Any, obj: Any = None, **kwargs: Any) -> str:
        return f"{Decimal(value or 0) / 100:.2f}"


class YesNoWidget(ChoiceWidget):
    def __init__(self, default: str) -> None:
        super().__init__(YES_NO, default=default)

    def clean(self, value: Any, row: Any = None, **kwargs: Any) -> Any:
        return super().clean(value, row, **kwargs) == "yes"

    def render(self, value: Any, obj: Any = None, **kwargs: Any) -> str:
        return super().render("yes" if value else "no", obj, **kwargs)


class StoresWidget(ManyToManyWidget):
    """Codes of stores, `S001、S002`; an unknown one refuses the row."""

    def __init__(self) -> None:
        super().__init__(Store, separator="、", field="code")

    def clean(self, value: Any, row: Any = None, **kwargs: Any) -> list[Store]:
        text = str(value or "").replace("，", "、").replace(",", "、")
        codes = list(dict.fromkeys(filter(None, map(str.strip, text.split("、")))))
        found = {store.code: store for store in Store.objects.filter(code__in=codes)}
        for code in codes:
            if code not in found:
                # raised when the row is saved, where only this counts as a reason of the row
                reason = gettext("“%(value)s” is not known here.") % {"value": code}
                raise ValidationError({"stores": reason})
        return [found[code] for code in codes]


class StoresField(Field):
    """A coupon that was given keeps its stores."""

    def save(
        self, instance: Coupon, row: dict[str, Any], is_m2m: bool = False, **kwargs: Any
    ) -> None:
        if instance.takes_away(self.clean(row, **kwargs)):
            raise ValidationError({"stores": ALREADY_GIVEN})
        super().save(instance, row, is_m2m, **kwargs)


class CouponResource(RoomResource):
    labels = {
        "name": _("name"),
        "benefit": _("benefit"),
        "off": _("money off"),
        "from_amount": _("from an amount of"),
        "gift": pgettext_lazy("coupon", "gift"),
        "by_hand": _("handed over by the guide"),
        "terms": _("how it is used"),
        "starts_on": _("first day"),
        "ends_on": _("last day"),
        "valid_days": _("days from giving"),
        "stock": _("how many in all"),
        "per_member": _("per member at most"),
        "for_guides": _("guides give it"),
        "for_welcome": _("welcome benefit"),
        "stores": _("store codes"),
        "is_active": pgettext_lazy("coupon", "active"),
    }
    benefit = Field("benefit", "benefit", ChoiceWidget(Coupon.Benefit.choices))
    off = Field("off_fen", "off", YuanWidget())
    from_amount = Field("from_fen", "from_amount", YuanWidget())
    by_hand = Field("by_hand", "by_hand", YesNoWidget("no"))
    starts_on = Field("starts_on", "starts_on", DayWidget(optional=True))
    ends_on = Field("ends_on", "ends_on", DayWidget(optional=True))
    per_member = Field("per_member", "per_member", IntegerWidget(), default=1)
    for_guides = Field("for_guides", "for_guides", YesNoWidget("yes"))
    for_welcome = Field("for_welcome", "for_welcome", YesNoWidget("no"))
    stores = StoresField("stores", "stores", StoresWidget(), m2m_add=False)
    is_active = Field("is_active", "is_active", YesNoWidget("yes"))

    class Meta:
        model = Coupon
        import_id_fields = ["name"]
        fields = [
            "name", "benefit", "off", "from_amount", "gift", "by_hand", "terms", "starts_on",
            "ends_on", "valid_days", "stock", "per_member", "for_guides", "for_welcome", "stores",
            "is_active",
        ]  # fmt: skip
        export_order = fields
        clean_model_instances = True
        use_transactions = True

    def get_queryset(self) -> QuerySet[Coupon]:
        return Coupon.objects.prefetch_related("stores")

    def validate_instance(self, instance: Coupon, *args: Any, **kwargs: Any) -> None:
        """What the model says of its column stands under the column of the sheet."""
        try:
            super().validate_instance(instance, *args, **kwargs)
        except ValidationError as error:
            raise ValidationError(by_seen_name(error)) from error


# --- the list and the form -----------------------------------------------------------------------


class CouponForm(forms.ModelForm):
    """Amounts are written in yuan and kept in fen."""

    off = forms.DecimalField(
        label=_("money off"),
        help_text=_("in yuan"),
        min_value=0,
        max_digits=9,
        decimal_places=2,
        required=False,
        widget=UnfoldAdminDecimalFieldWidget,
    )
    from_amount = forms.DecimalField(
        label=_("from an amount of"),
        help_text=_("in yuan"),
        min_value=0,
        max_digits=9,
        decimal_places=2,
        required=False,
        widget=UnfoldAdminDecimalFieldWidget,
    )

    class Meta:
        model = Coupon
        fields = ["name", "benefit", "gift", "by_hand", "terms", "starts_on", "ends_on",
                  "valid_days", "stock", "per_member", "for_guides", "for_welcome", "stores",
                  "is_active"]  # fmt: skip

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, fen in (("off", self.instance.off_fen), ("from_amount", self.instance.from_fen)):
            if fen and name in self.fields:
                self.fields[name].initial = Decimal(fen) / 100

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        for name, column in (("off", "off_fen"), ("from_amount", "from_fen")):
            setattr(self.instance, column, int((cleaned.get(name) or 0) * 100))
        return cleaned

    def clean_stores(self) -> Any:
        stores = self.cleaned_data["stores"]
        if self.instance.takes_away(stores):
            raise ValidationError(ALREADY_GIVEN)
        return stores

    def add_error(self, field: str | None, error: Any) -> None:
        """What the model says of its column stands at the field people see."""
        if isinstance(error, ValidationError) and hasattr(error, "error_dict"):
            error.error_dict = by_seen_name(error)
        super().add_error(field, error)


def _counted(which: Q) -> Coalesce:
    rows = CouponIssue.objects.filter(which, coupon_id=OuterRef("pk")).order_by()
    return Coalesce(Subquery(rows.values("coupon_id").annotate(n=Count("pk")).values("n")), 0)


class CouponList(ChangeList):
    """The list counts what became of each coupon; no other page asks for it."""

    def get_queryset(
        self, request: HttpRequest, exclude_parameters: list[str] | None = None
    ) -> QuerySet[Coupon]:
        found = super().get_queryset(request, exclude_parameters)
        return found.annotate(
            opened=_counted(Q(opened_at__isnull=False)), used=_counted(Q(used_at__isnull=False))
        )


@admin.register(Coupon)
class CouponAdmin(ImportExportAdmin):
    view_capability = Capability.VIEW_REPORTS
    edit_capability = Capability.MANAGE_CONTENT
    export_capability = Capability.MANAGE_CONTENT
    resource_classes = [CouponResource]
    form = CouponForm
    empty_words = _("No coupon yet. Add one: guides find it on the customer's card.")
    list_display = ["name", "show_worth", "show_until", "show_stock", "show_used", "show_by",
                    "show_state"]  # fmt: skip
    list_filter = ["is_active", "benefit", "for_guides", "for_welcome"]
    search_fields = ["name", "gift"]
    autocomplete_fields = ["stores"]
    fieldsets = [
        (None, {"fields": ["name", "benefit", ("off", "from_amount"), ("gift", "by_hand"),
                           "terms"]}),
        (_("How long"), {"fields": [("starts_on", "ends_on"), "valid_days"]}),
        (
            _("How many, and who gives it"),
            {"fields": [("stock", "per_member"), ("for_guides", "for_welcome"), "stores",
                        "is_active"]},
        ),
    ]  # fmt: skip

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return CouponList

    @admin.display(description=_("benefit"), ordering="off_fen")
    def show_worth(self, row: Coupon) -> str:
        return worth_words(row)

    @admin.display(description=_("how long"), ordering="ends_on")
    def show_until(self, row: Coupon) -> str:
        return until_words(row)

    @admin.display(description=_("given / in all"), ordering="issued")
    def show_stock(self, row: Coupon) -> str:
        return f"{row.issued:,} / {row.stock:,}"

    @admin.display(description=_("used / given"))
    def show_used(self, row: Any) -> str:
        """券核销率: net of orders that came back as a whole."""
        figures = Figures(issued=row.issued, opened=row.opened, used=row.used)
        if figures.rate is None:
            return "—"
        seen = gettext("%(n)s seen by the member") % {"n": f"{figures.opened:,}"}
        return f"{figures.used:,} · {figures.rate:.1%} · {seen}"

    @admin.display(description=_("who gives it"))
    def show_by(self, row: Coupon) -> str:
        words = [
            gettext("guides") if row.for_guides else "",
            gettext("at joining") if row.for_welcome else "",
        ]
        return "、".join(filter(None, words)) or "—"

    @admin.display(description=_("state"))
    def show_state(self, row: Coupon) -> SafeString:
        if not row.is_active:
            return state_mark(pgettext("coupon", "stopped"))
        if row.is_over(on=clock.today()):
            return state_mark(gettext("over"))
        if row.left <= 0:
            return state_mark(gettext("all given away"), "warn")
        return state_mark(gettext("being given"), "on")


class StateFilter(admin.SimpleListFilter):
    """As the rows stand now: a coupon expires by itself."""

    title = _("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return list(CouponIssue.State.choices)

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        now = clock.now()
        which = {
            "used": Q(used_at__isnull=False),
            "expired": Q(used_at=None, expires_at__lte=now, withdrawn_at=None),
            "withdrawn": Q(withdrawn_at__isnull=False),
            "later": Q(used_at=None, expires_at__gt=now, starts_at__gt=now),
            "usable": Q(used_at=None, expires_at__gt=now, starts_at__lte=now),
        }
        return queryset.filter(which.get(self.value() or "", Q()))


@admin.register(CouponIssue)
class CouponIssueAdmin(MemberColumn, RoomAdmin):
    """Who got which, read only: giving is the guides', using the till's. A code is never whole."""

    view_capability = Capability.VIEW_ORDERS
    may_add = False
    # as they were given, by an index there is
    ordering = ["-pk"]
    list_display = ["show_member", "coupon", "show_code", "show_cause", "guide", "issued_at",
                    "show_until", "show_state", "order", "handed_by"]  # fmt: skip
    list_display_links = None
    list_filter = [StateFilter, "coupon"]
    list_select_related = ["coupon", "member", "guide", "order", "handed_by"]
    fields = ["show_member", "coupon", "show_code", "show_cause", "guide", "issued_at",
              "opened_at", "show_until", "show_state", "order", "handed_by", "used_at"]  # fmt: skip

    @admin.display(description=_("code"))
    def show_code(self, row: CouponIssue) -> str:
        return f"···· {row.code[-4:]}"

    @admin.display(description=_("cause"))
    def show_cause(self, row: CouponIssue) -> str:
        return gettext("joined") if row.cause.startswith(WELCOME) else gettext("given by a guide")

    @admin.display(description=_("counts until"), ordering="expires_at")
    def show_until(self, row: CouponIssue) -> str:
        return date_format(row.last_day)

    @admin.display(description=_("state"))
    def show_state(self, row: CouponIssue) -> SafeString:
        state = row.state(now=clock.now())
        return state_mark(state.label, MARKS[state])


@admin.register(PointsEntry)
class PointsEntryAdmin(MemberColumn, RoomAdmin):
    """Every movement as it was told, read only: a difference is an entry of its own."""

    view_capability = Capability.VIEW_ORDERS
    may_add = False
    ordering = ["-pk"]
    list_display = ["show_member", "kind", "points", "occurred_at", "expires_on", "store",
                    "source", "external_no"]  # fmt: skip
    list_display_links = None
    list_filter = ["kind"]
    list_select_related = ["member", "store"]
    search_fields = ["external_no"]
    search_help_text = _("entry number")
    fields = ["show_member", "kind", "points", "occurred_at", "expires_on", "store", "source",
              "external_no", "recorded_at"]  # fmt: skip
    empty_words = _("Points come by the interface: /api/v1/points/batch.")


@admin.register(PointsTerms)
class PointsTermsAdmin(RoomAdmin):
    """One row; what was given at joining keeps its days."""

    view_capability = Capability.VIEW_REPORTS
    edit_capability = Capability.MANAGE_STORES
    list_display = ["__str__", "fen_per_point", "welcome_points", "welcome_days"]
    fields = ["fen_per_point", "welcome_points", "welcome_days"]
    empty_words = _("Until you save terms: one point is worth one fen, joining gives none.")

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return super().has_add_permission(request, obj) and not PointsTerms.objects.exists()
