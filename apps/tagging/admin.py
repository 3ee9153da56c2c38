"""The catalogue of tags."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from import_export.fields import Field

from apps.accounts.admin_base import ImportExportAdmin, RoomAdmin, state_mark
from apps.accounts.capabilities import Capability
from apps.accounts.resource_base import ChoiceWidget, RefWidget, RoomResource
from apps.core import clock
from apps.tagging.models import Tag, TagGroup


class RetiredField(Field):
    """A yes or no in the sheet, a moment in the table: the moment stays when the answer does."""

    def save(self, instance: Tag, row: dict[str, Any], *args: Any, **kwargs: Any) -> None:
        retired = self.clean(row) == "yes"
        if retired != (instance.retired_at is not None):
            instance.retired_at = clock.now() if retired else None


class TagResource(RoomResource):
    labels = {"group": _("tag group"), "name": _("tag"), "retired": _("retired")}
    group = Field("group", "group", RefWidget(TagGroup.objects, ("name",), "name"))
    retired = RetiredField(
        "retired_at",
        "retired",
        ChoiceWidget([("yes", _("yes")), ("no", _("no"))], default="no"),
    )

    class Meta:
        model = Tag
        import_id_fields = ["group", "name"]
        fields = ["group", "name", "retired"]
        export_order = fields
        skip_unchanged = True
        clean_model_instances = True
        use_transactions = True

    def before_import_row(self, row: dict[str, Any], **kwargs: Any) -> None:
        super().before_import_row(row, **kwargs)
        name = str(row.get("group") or "")
        if not name:
            self.refuse(group=gettext("A tag belongs to a group."))
        TagGroup.objects.get_or_create(name=name)

    def get_instance(self, instance_loader: Any, row: dict[str, Any]) -> Tag | None:
        return Tag.objects.filter(group__name=row.get("group"), name=row.get("name")).first()

    def get_queryset(self) -> QuerySet[Tag]:
        return Tag.objects.select_related("group")

    def dehydrate_retired(self, tag: Tag) -> str:
        return gettext("yes") if tag.retired_at else ""


class RetiredFilter(admin.SimpleListFilter):
    title = _("retired")
    parameter_name = "retired"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("no", _("in use")), ("yes", _("retired"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Tag]) -> QuerySet[Tag]:
        if self.value() in ("yes", "no"):
            return queryset.filter(retired_at__isnull=self.value() == "no")
        return queryset


@admin.register(Tag)
class TagAdmin(ImportExportAdmin):
    view_capability = Capability.VIEW_REPORTS
    edit_capability = Capability.EDIT_TAGS
    export_capability = Capability.EDIT_TAGS
    resource_classes = [TagResource]
    list_display = ["name", "group", "show_state"]
    list_filter = [RetiredFilter, "group"]
    list_select_related = ["group"]
    search_fields = ["name", "group__name"]
    fields = ["group", "name", "retired_at"]

    @admin.display(description=_("state"))
    def show_state(self, row: Tag) -> SafeString:
        if row.retired_at:
            return state_mark(gettext("retired"))
        return state_mark(gettext("in use"), "on")


@admin.register(TagGroup)
class TagGroupAdmin(RoomAdmin):
    view_capability = Capability.VIEW_REPORTS
    edit_capability = Capability.EDIT_TAGS
    list_display = ["name", "position", "guides_may_apply", "wecom"]
    list_editable = ["position", "guides_may_apply", "wecom"]
    search_fields = ["name"]
