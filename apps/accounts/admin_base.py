"""What every admin page shares: capabilities in place of Django's permissions, rows of the actor.

Rooms register with plain `django.contrib.admin` and inherit from `RoomAdmin`; no room names
another.
"""

import base64
import csv
import io
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any
from uuid import uuid4

from django.contrib import admin, messages
from django.contrib.admin.options import BaseModelAdmin
from django.core.cache import cache
from django.db.models import Model, QuerySet
from django.db.models.fields.related import RelatedField
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy
from import_export.admin import ExportMixin, ImportMixin
from import_export.formats import base_formats
from import_export.results import Result, RowResult
from import_export.tmp_storages import BaseStorage
from unfold.admin import ModelAdmin, TabularInline
from unfold.contrib.import_export.forms import ExportForm, ImportForm

from apps.accounts import modules, services
from apps.accounts.actor import Actor
from apps.accounts.capabilities import Capability
from apps.accounts.requests import actor_of
from apps.core import pii

UPLOAD_SECONDS = 3600


def scoped(queryset: QuerySet, actor: Actor) -> QuerySet:
    """The rows the actor may see; a model without personal data has no `visible_to` and is open."""
    visible_to = getattr(queryset, "visible_to", None)
    return visible_to(actor) if visible_to else queryset


class ScopedRelatedFilter(admin.RelatedFieldListFilter):
    """A filter over a relation offers only the rows the actor may see."""

    def field_choices(
        self, field: RelatedField, request: HttpRequest, model_admin: admin.ModelAdmin
    ) -> list[tuple[str, Any]]:
        ordering = self.field_admin_ordering(field, request, model_admin)
        queryset = scoped(field.remote_field.model._default_manager.all(), actor_of(request))
        return [(str(row.pk), str(row)) for row in queryset.order_by(*ordering)]


admin.FieldListFilter.register(
    lambda field: bool(field.remote_field), ScopedRelatedFilter, take_priority=True
)


class CapabilityMixin(BaseModelAdmin):
    """Permissions from capabilities; without `edit_capability` the page only shows."""

    view_capability: Capability
    edit_capability: Capability | None = None
    may_add = True
    may_delete = False

    def _may_edit(self, request: HttpRequest) -> bool:
        return self.edit_capability is not None and actor_of(request).can(self.edit_capability)

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        meta = self.model._meta
        if not modules.is_address_on(f"admin:{meta.app_label}_{meta.model_name}_"):
            return False  # searches do not name lists whose addresses are gone
        return actor_of(request).can(self.view_capability) or self._may_edit(request)

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return self._may_edit(request)

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return self.may_add and self._may_edit(request)

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return self.may_delete and self._may_edit(request)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        return scoped(super().get_queryset(request), actor_of(request))

    def get_field_queryset(
        self, db: str | None, db_field: RelatedField, request: HttpRequest
    ) -> QuerySet | None:
        queryset = super().get_field_queryset(db, db_field, request)
        if queryset is None:
            queryset = db_field.remote_field.model._default_manager.using(db)
        return scoped(queryset.all(), actor_of(request))


class RoomInline(CapabilityMixin, TabularInline):
    extra = 0
    tab = False


def who_words(label: str, name: str, others: Mapping[str, Any] = MappingProxyType({})) -> str:
    """Who is behind a label (`Actor.label`): by name, in a word of the room's own, or nobody."""
    return name or str(others.get(label, pgettext_lazy("actor", "by itself")))


def state_mark(words: object, mark: str = "") -> SafeString:
    """A state on a list: good ("on"), of note ("warn"), bad, or none of these."""
    return format_html('<span class="hq-st {}">{}</span>', mark, words)


class StateColumn:
    """`show_state`: a row's `state` in its word, marked."""

    marks: Mapping[str, str]

    @admin.display(description=gettext_lazy("state"), ordering="state")
    def show_state(self, row: Any) -> SafeString:
        return state_mark(row.get_state_display(), self.marks.get(row.state, ""))


class RoomAdmin(CapabilityMixin, ModelAdmin):
    """A list and a form of one model. Every change goes to the audit record, without values."""

    empty_words: Any = ""  # what stands on a list with nothing on it
    list_per_page = 50
    show_full_result_count = False
    list_filter_submit = False
    warn_unsaved_form = True
    compressed_fields = True

    def _audit(self, request: HttpRequest, obj: Model, verb: str, **detail: Any) -> None:
        services.audit(
            actor=actor_of(request),
            action=f"{self.opts.model_name}.{verb}",
            object_type=self.opts.label_lower,
            object_id=str(obj.pk),
            detail=detail,
        )

    def log_addition(self, request: HttpRequest, obj: Model, message: Any) -> Any:
        self._audit(request, obj, "added")
        return super().log_addition(request, obj, message)

    def log_change(self, request: HttpRequest, obj: Model, message: Any) -> Any:
        fields = [
            name
            for part in message or []
            if isinstance(part, dict)
            for name in part.get("changed", {}).get("fields", [])
        ]
        self._audit(request, obj, "changed", fields=[str(name) for name in fields])
        return super().log_change(request, obj, message)

    def log_deletions(self, request: HttpRequest, queryset: QuerySet) -> Any:
        for obj in queryset:
            self._audit(request, obj, "deleted")
        return super().log_deletions(request, queryset)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Where nobody edits, every field is shown, also those that are no columns."""
        if self.edit_capability is None and self.fields:
            return self.fields
        return super().get_readonly_fields(request, obj)

    def has_history_permission(self, request: HttpRequest, obj: Model) -> bool:
        return self.has_view_permission(request, obj)


# --- import and export ---------------------------------------------------------------------------


def decoded(data: bytes) -> str:
    """The text of a CSV: UTF-8, or what Excel on a Chinese Windows saves."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("gb18030")


class SealedUpload(BaseStorage):
    """Between preview and confirmation an uploaded file waits encrypted in the cache, an hour."""

    name: str | None

    def _key(self) -> str:
        return f"upload:{self.name}"

    def save(self, data: bytes) -> None:
        self.name = self.name or uuid4().hex
        sealed = pii.encrypt(base64.b64encode(data).decode())
        cache.set(self._key(), sealed, UPLOAD_SECONDS)

    def read(self) -> str | bytes:
        sealed = cache.get(self._key())
        if sealed is None:
            raise ValueError(_("The uploaded file is no longer kept. Upload it again."))
        data = base64.b64decode(pii.decrypt(sealed))
        return data if "b" in self.read_mode else decoded(data)

    def remove(self) -> None:
        cache.delete(self._key())


def reasons_of(row: Any, labels: dict[str, Any]) -> list[str]:
    """All reasons of a refused row, as sentences that begin with the column's name."""
    if hasattr(row.error, "message_dict"):
        return [
            reason if name == "__all__" else f"{labels.get(name, name)}：{reason}"
            for name, reasons in row.error.message_dict.items()
            for reason in reasons
        ]
    return list(row.error.messages)


def refused_file(result: Result, labels: dict[str, Any]) -> str:
    """The refused rows as a CSV `data:` address, reason first, ready to mend and upload again."""
    out = io.StringIO()
    writer = csv.writer(out)
    headers = [str(labels.get(name, name)) for name in result.diff_headers]
    writer.writerow([_("row"), _("reason"), *headers])
    for row in result.invalid_rows:
        writer.writerow([row.number, "; ".join(reasons_of(row, labels)), *row.values])
    encoded = base64.b64encode(b"\xef\xbb\xbf" + out.getvalue().encode()).decode()
    return f"data:text/csv;charset=utf-8;base64,{encoded}"


class ExportAdmin(ExportMixin, RoomAdmin):
    """Export what the list shows: the actor's rows alone, masked by the resource, audited."""

    export_capability: Capability
    export_form_class = ExportForm
    export_formats = [base_formats.XLSX, base_formats.CSV]
    export_limit = 20_000
    export_template_name = "admin/room_export.html"

    def has_export_permission(self, request: HttpRequest) -> bool:
        return actor_of(request).can(self.export_capability)

    def get_export_data(
        self, file_format: Any, request: HttpRequest, queryset: QuerySet, **kwargs: Any
    ) -> Any:
        count = queryset.count()
        if count > self.export_limit:
            raise ValueError(
                _("%(count)s rows are more than the %(limit)s an export may hold. Filter first.")
                % {"count": f"{count:,}", "limit": f"{self.export_limit:,}"}
            )
        services.audit(
            actor=actor_of(request),
            action=f"{self.opts.model_name}.exported",
            object_type=self.opts.label_lower,
            detail={"rows": count, "format": file_format.get_title()},
        )
        return super().get_export_data(file_format, request, queryset, **kwargs)


class ImportExportAdmin(ImportMixin, ExportAdmin):
    """Import with a preview: good rows go in, bad rows come back with their reasons."""

    import_capability: Capability = Capability.IMPORT_DATA
    import_form_class = ImportForm
    import_formats = [base_formats.XLSX, base_formats.CSV]
    import_template_name = "admin/room_import.html"
    import_export_change_list_template = "admin/import_export/change_list_import_export.html"
    tmp_storage_class = SealedUpload
    import_note = gettext_lazy("The first row holds the column names.")

    def has_import_permission(self, request: HttpRequest) -> bool:
        return actor_of(request).can(self.import_capability)

    def get_import_resource_kwargs(self, request: HttpRequest, **kwargs: Any) -> dict[str, Any]:
        return {"actor": actor_of(request)}

    def get_export_resource_kwargs(self, request: HttpRequest, **kwargs: Any) -> dict[str, Any]:
        return {"actor": actor_of(request)}

    def import_action(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        answer = super().import_action(request, **kwargs)
        context = answer.context_data if isinstance(answer, TemplateResponse) else None
        if context is not None:
            context["import_note"] = self.import_note
            context["fields_list"] = self._columns()
            if (result := context.get("result")) is not None:
                self._explain(request, context, result)
        return answer

    def add_data_read_fail_error_to_form(self, form: Any, e: Exception) -> None:
        form.add_error(
            "import_file",
            _("This file cannot be read. Save it as xlsx or CSV and choose that format."),
        )

    def _columns(self) -> list[tuple[str, list[str]]]:
        """The columns of a sheet in the words of its first row."""
        resource = self.resource_classes[0]
        return [("", [str(resource.labels[name]) for name in resource._meta.fields])]

    def export_action(self, request: HttpRequest) -> HttpResponse:
        answer = super().export_action(request)
        if isinstance(answer, TemplateResponse) and answer.context_data is not None:
            answer.context_data["fields_list"] = self._columns()
        return answer

    def _explain(self, request: HttpRequest, context: dict[str, Any], result: Result) -> None:
        good = (
            result.totals[RowResult.IMPORT_TYPE_NEW] + result.totals[RowResult.IMPORT_TYPE_UPDATE]
        )
        context["totals"] = {
            "new": result.totals[RowResult.IMPORT_TYPE_NEW],
            "update": result.totals[RowResult.IMPORT_TYPE_UPDATE],
            "same": result.totals[RowResult.IMPORT_TYPE_SKIP],
            "refused": len(result.invalid_rows),
        }
        context["good_rows"] = good
        labels = self.resource_classes[0].labels
        if result.invalid_rows:
            context["refused_rows"] = [
                {"number": row.number, "reasons": reasons_of(row, labels)}
                for row in result.invalid_rows
            ]
            context["refused_file"] = refused_file(result, labels)
        context["headers"] = [str(labels.get(name, name)) for name in result.diff_headers]
        if good and not result.has_errors() and "confirm_form" not in context:
            context["confirm_form"] = self.create_confirm_form(request, import_form=context["form"])

    def process_result(self, result: Result, request: HttpRequest) -> HttpResponse:
        services.audit(
            actor=actor_of(request),
            action=f"{self.opts.model_name}.imported",
            object_type=self.opts.label_lower,
            detail={
                "new": result.totals[RowResult.IMPORT_TYPE_NEW],
                "updated": result.totals[RowResult.IMPORT_TYPE_UPDATE],
                "refused": len(result.invalid_rows),
            },
        )
        return super().process_result(result, request)

    def add_success_message(self, result: Result, request: HttpRequest) -> None:
        messages.success(
            request,
            _("Imported: %(new)s new, %(updated)s changed. Left out: %(refused)s.")
            % {
                "new": result.totals[RowResult.IMPORT_TYPE_NEW],
                "updated": result.totals[RowResult.IMPORT_TYPE_UPDATE],
                "refused": len(result.invalid_rows),
            },
        )
