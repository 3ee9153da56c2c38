"""Stores, guides, regions and who may see what beyond their posting."""

from datetime import date
from typing import Any

from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from import_export.fields import Field

from apps.accounts.admin_base import ImportExportAdmin, RoomAdmin, RoomInline, actor_of, state_mark
from apps.accounts.capabilities import Capability
from apps.accounts.resource_base import (
    ChoiceWidget,
    DayWidget,
    RefWidget,
    RoomResource,
    as_refusal,
)
from apps.core import clock
from apps.core.errors import DomainError
from apps.core.ids import row_id
from apps.stores import services
from apps.stores.models import Guide, LegalEntity, Posting, Region, ScopeGrant, Store


def two_lines(first: object, second: object) -> SafeString:
    """A fact and, small under it, the second fact."""
    return format_html('<span class="hq-cell"><b>{}</b><small>{}</small></span>', first, second)


class StoreResource(RoomResource):
    labels = {
        "code": _("store code"),
        "name": _("store name"),
        "city": _("city"),
        "region": _("region"),
        "ownership": _("ownership"),
        "legal_entity": _("legal entity"),
        "store_class": _("class"),
        "opened_on": _("opened on"),
        "closed_on": _("closed on"),
        "corp_id": _("corp id"),
        "wecom_department_id": _("WeCom department"),
        "latitude": _("latitude"),
        "longitude": _("longitude"),
    }
    region = Field("region", "region", RefWidget(Region.objects, ("code", "name"), "name"))
    legal_entity = Field(
        "legal_entity", "legal_entity", RefWidget(LegalEntity.objects, ("name",), "name")
    )
    ownership = Field("ownership", "ownership", ChoiceWidget(Store.Ownership.choices))
    store_class = Field(
        "store_class", "store_class", ChoiceWidget(Store.StoreClass.choices, default="b")
    )
    opened_on = Field("opened_on", "opened_on", DayWidget())
    closed_on = Field("closed_on", "closed_on", DayWidget(optional=True))

    class Meta:
        model = Store
        import_id_fields = ["code"]
        fields = ["code", "name", "city", "region", "ownership", "legal_entity", "store_class",
                  "opened_on", "closed_on", "corp_id", "wecom_department_id", "latitude",
                  "longitude"]  # fmt: skip
        export_order = fields
        skip_unchanged = True
        clean_model_instances = True
        use_transactions = True

    def get_queryset(self) -> QuerySet[Store]:
        return Store.objects.select_related("region", "legal_entity")


class OpenFilter(admin.SimpleListFilter):
    title = _("trading")
    parameter_name = "open"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("yes", _("trading now")), ("no", _("closed down or not open yet"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Store]) -> QuerySet[Store]:
        trading = Store.objects.open_on(clock.today())
        if self.value() == "yes":
            return queryset.filter(pk__in=trading)
        if self.value() == "no":
            return queryset.exclude(pk__in=trading)
        return queryset


@admin.register(Store)
class StoreAdmin(ImportExportAdmin):
    view_capability = Capability.VIEW_REPORTS
    edit_capability = Capability.MANAGE_STORES
    export_capability = Capability.MANAGE_STORES
    resource_classes = [StoreResource]
    list_display = ["show_name", "region", "ownership", "show_class", "city", "show_guides",
                    "opened_on", "show_state"]  # fmt: skip
    list_display_links = ["show_name"]
    list_select_related = ["region"]
    list_filter = [OpenFilter, "region", "ownership", "store_class"]
    search_fields = ["code", "name", "city"]
    search_help_text = _("Code, name or city")
    readonly_fields = ["live_since"]  # switched under 上线范围, where it is seen what begins

    def get_queryset(self, request: HttpRequest) -> QuerySet[Store]:
        today = Posting.objects.on(clock.today()).filter(
            store_id=OuterRef("pk"), guide__status=Guide.Status.ACTIVE
        )
        count = today.order_by().values("store_id").annotate(n=Count("pk")).values("n")
        return super().get_queryset(request).annotate(guides=Coalesce(Subquery(count), 0))

    @admin.display(description=_("store"), ordering="code")
    def show_name(self, row: Store) -> SafeString:
        return two_lines(row.name, row.code)

    @admin.display(description=_("class"), ordering="store_class")
    def show_class(self, row: Store) -> str:
        return row.get_store_class_display()

    @admin.display(description=_("guides today"), ordering="guides")
    def show_guides(self, row: Any) -> int:
        return row.guides

    @admin.display(description=_("state"))
    def show_state(self, row: Store) -> SafeString:
        today = clock.today()
        if row.closed_on is not None and row.closed_on <= today:
            return state_mark(gettext("closed down"))
        if row.opened_on > today:
            return state_mark(gettext("not open yet"))
        if row.live_since is None:
            return state_mark(gettext("not live yet"), "warn")
        return state_mark(gettext("trading now"), "on")


class PostingInline(RoomInline):
    """Where the guide worked when; the database keeps the periods apart."""

    model = Posting
    view_capability = Capability.VIEW_REPORTS
    edit_capability = Capability.MANAGE_STORES
    fields = ["store", "role", "during"]
    show_change_link = False


class GuideResource(RoomResource):
    labels = {
        "wecom_userid": _("WeCom user id"),
        "name": _("name"),
        "corp_id": _("corp id"),
        "store": _("store code"),
        "role": _("role"),
        "from_day": _("posted from"),
        "status": _("status"),
    }
    store = Field("store", column_name="store")
    role = Field("role", column_name="role")
    from_day = Field("from_day", column_name="from_day")
    status = Field("status", "status", ChoiceWidget(Guide.Status.choices), readonly=True)

    class Meta:
        model = Guide
        import_id_fields = ["wecom_userid"]
        fields = ["wecom_userid", "name", "corp_id", "store", "role", "from_day", "status"]
        export_order = fields
        clean_model_instances = True
        use_transactions = True

    def before_import(self, dataset: Any, **kwargs: Any) -> None:
        super().before_import(dataset, **kwargs)
        self._corps = list(
            Guide.objects.order_by().values_list("corp_id", flat=True).distinct()[:2]
        )

    def before_import_row(self, row: dict[str, Any], **kwargs: Any) -> None:
        super().before_import_row(row, **kwargs)
        if not row.get("corp_id"):
            if len(self._corps) != 1:
                self.refuse(corp_id=gettext("Say which corp: there is not exactly one."))
            row["corp_id"] = self._corps[0]

    def get_queryset(self) -> QuerySet[Guide]:
        return with_posting(Guide.objects.all())

    def after_save_instance(self, instance: Guide, row: dict[str, Any], **kwargs: Any) -> None:
        code = str(row.get("store") or "")
        if not code:
            return
        store = Store.objects.filter(code=code).first()
        if store is None:
            self.refuse(store=gettext("“%(value)s” is not known here.") % {"value": code})
        try:
            role = ChoiceWidget(Posting.PostingRole.choices, default="guide").clean(row.get("role"))
            day = DayWidget(optional=True).clean(row.get("from_day")) or clock.today()
            self._post(instance, store, role, day)
        except DomainError as error:
            raise as_refusal(error) from error
        except ValueError as error:
            raise ValidationError(str(error)) from error

    def _post(self, guide: Guide, store: Store, role: str, day: date) -> None:
        standing = Posting.objects.on(day).filter(guide=guide, store=store, role=role)
        if not standing.exists():
            services.post_guide(guide=guide, store=store, role=role, from_day=day)

    def dehydrate_store(self, guide: Guide) -> str:
        return getattr(guide, "store_code", None) or ""

    def dehydrate_role(self, guide: Guide) -> str:
        return str(dict(Posting.PostingRole.choices).get(getattr(guide, "posted_as", ""), ""))

    def dehydrate_from_day(self, guide: Guide) -> str:
        during = getattr(guide, "posted_during", None)
        return during.lower.isoformat() if during and during.lower else ""


def with_posting(guides: QuerySet[Guide]) -> QuerySet[Guide]:
    """Each guide with today's posting beside it."""
    today = Posting.objects.on(clock.today()).filter(guide_id=OuterRef("pk"))
    return guides.annotate(
        store_code=today.values("store__code")[:1],
        store_name=today.values("store__name")[:1],
        posted_as=today.values("role")[:1],
        posted_during=today.values("during")[:1],
    )


class PostedStoreFilter(admin.SimpleListFilter):
    """Guides by the store they work in today; only stores the actor may see are offered."""

    title = _("store")
    parameter_name = "store"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        stores = Store.objects.visible_to(actor_of(request))
        return [(str(pk), name) for pk, name in stores.values_list("pk", "name")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Guide]) -> QuerySet[Guide]:
        store_id = row_id(self.value() or "")
        if not store_id:
            return queryset
        posted = Guide.objects.posted_in(day=clock.today(), store_id=store_id)
        return queryset.filter(pk__in=posted)


@admin.register(Guide)
class GuideAdmin(ImportExportAdmin):
    view_capability = Capability.VIEW_REPORTS
    edit_capability = Capability.MANAGE_STORES
    export_capability = Capability.MANAGE_STORES
    resource_classes = [GuideResource]
    list_display = ["show_name", "show_store", "show_role", "status", "created_at"]
    list_display_links = ["show_name"]
    list_filter = ["status", PostedStoreFilter]
    search_fields = ["name", "wecom_userid"]
    search_help_text = _("Name or WeCom user id")
    fields = ["corp_id", "wecom_userid", "name", "status", "left_at"]
    readonly_fields = ["status", "left_at"]
    inlines = [PostingInline]
    actions = ["leave", "is_back"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Guide]:
        return with_posting(super().get_queryset(request))

    @admin.display(description=_("guide"), ordering="wecom_userid")
    def show_name(self, row: Guide) -> SafeString:
        return two_lines(row.name, row.wecom_userid)

    @admin.display(description=_("store today"))
    def show_store(self, row: Any) -> str:
        return row.store_name or "—"

    @admin.display(description=_("role"))
    def show_role(self, row: Any) -> str:
        return str(Posting.PostingRole(row.posted_as).label) if row.posted_as else "—"

    @admin.action(description=_("Has left: end posting and sign-in today"), permissions=["change"])
    def leave(self, request: HttpRequest, queryset: QuerySet[Guide]) -> None:
        for guide in queryset:
            services.guide_leaves(guide=guide, now=clock.now(), on=clock.today())
            self._audit(request, guide, "left")

    @admin.action(
        description=_("Is back, the same person: may sign in again, needs a posting"),
        permissions=["change"],
    )
    def is_back(self, request: HttpRequest, queryset: QuerySet[Guide]) -> None:
        for guide in queryset:
            with transaction.atomic():
                if services.guide_returns(guide=guide):
                    self._audit(request, guide, "returned")


@admin.register(Region)
class RegionAdmin(RoomAdmin):
    view_capability = Capability.VIEW_REPORTS
    edit_capability = Capability.MANAGE_STORES
    list_display = ["code", "name"]
    search_fields = ["code", "name"]


@admin.register(LegalEntity)
class LegalEntityAdmin(RoomAdmin):
    """Who owns a franchise store, and on which basis they may see personal data."""

    view_capability = Capability.MANAGE_STORES
    edit_capability = Capability.MANAGE_STORES
    list_display = ["name", "basis"]
    list_filter = ["basis"]
    search_fields = ["name"]
    ordering = ["name"]


@admin.register(ScopeGrant)
class ScopeGrantAdmin(RoomAdmin):
    """Data scope: what a region manager or a key may see."""

    view_capability = Capability.MANAGE_USERS
    edit_capability = Capability.MANAGE_USERS
    may_delete = True
    list_display = ["show_holder", "region", "store"]
    list_display_links = ["show_holder"]
    list_select_related = ["user", "api_key", "region", "store"]
    autocomplete_fields = ["user", "api_key", "store"]

    @admin.display(description=_("who"))
    def show_holder(self, row: ScopeGrant) -> str:
        return row.user.get_full_name() if row.user else str(row.api_key)
