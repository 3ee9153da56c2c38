"""What every import and export shares: translated columns, choices by word, relations by name."""

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any, NoReturn

import tablib
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Manager, Model, Q, QuerySet
from django.utils.translation import gettext as _
from import_export import resources, widgets
from import_export.results import RowResult

from apps.accounts.actor import Actor
from apps.core import clock
from apps.core.errors import DomainError

DAY_FORMATS = ("%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%Y%m%d")


class RoomResource(resources.ModelResource):
    """A sheet whose columns carry the words of the page; the field names are understood as well."""

    labels: dict[str, Any] = {}

    def __init__(self, actor: Actor | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.actor = actor

    def before_import(self, dataset: tablib.Dataset, **kwargs: Any) -> None:
        words = {str(label): name for name, label in self.labels.items()}
        dataset.headers = [
            words.get(str(header or "").strip(), str(header or "").strip())
            for header in dataset.headers or []
        ]

    def before_import_row(self, row: dict[str, Any], **kwargs: Any) -> None:
        for name, value in row.items():
            if isinstance(value, str):
                row[name] = value.strip()

    def import_row(self, row: dict[str, Any], instance_loader: Any, **kwargs: Any) -> RowResult:
        """A refused row leaves nothing behind, also when its reason shows after it was saved."""
        before = transaction.savepoint()
        found = super().import_row(row, instance_loader, **kwargs)
        if found.validation_error or found.errors:
            transaction.savepoint_rollback(before)
        else:
            transaction.savepoint_commit(before)
        return found

    def get_export_headers(self, selected_fields: list[str] | None = None) -> list[str]:
        return [
            str(self.labels.get(name, name)) for name in super().get_export_headers(selected_fields)
        ]

    def refuse(self, **reasons: str) -> NoReturn:
        """Send the row back with a reason per column."""
        raise ValidationError(dict(reasons))


def as_refusal(error: DomainError) -> ValidationError:
    """A rule's sentence as the reason of a refused row."""
    return ValidationError(str(error))


class ChoiceWidget(widgets.Widget):
    """A choice by its word or its key."""

    def __init__(self, choices: Iterable[tuple[str, Any]], default: str | None = None) -> None:
        super().__init__()
        self.choices = list(choices)
        self.default = default

    def clean(self, value: Any, row: Any = None, **kwargs: Any) -> str:
        text = str(value or "").strip()
        if not text and self.default is not None:
            return self.default
        for key, label in self.choices:
            if text.lower() == key or text == str(label):
                return key
        known = "、".join(str(label) for _key, label in self.choices)
        raise ValueError(
            _("“%(value)s” is not one of: %(known)s.") % {"value": text, "known": known}
        )

    def render(self, value: Any, obj: Any = None, **kwargs: Any) -> str:
        return next((str(label) for key, label in self.choices if key == value), "")


class RefWidget(widgets.Widget):
    """A row of another table by one of its unique words, among those the caller may name."""

    def __init__(
        self,
        queryset: QuerySet | Manager,
        fields: tuple[str, ...],
        show: str,
        optional: bool = False,
    ) -> None:
        super().__init__()
        self.queryset, self.fields, self.show, self.optional = queryset, fields, show, optional

    def clean(self, value: Any, row: Any = None, **kwargs: Any) -> Model | None:
        text = str(value or "").strip()
        if not text:
            if self.optional:
                return None
            raise ValueError(_("This column must not be empty."))
        condition = Q()
        for name in self.fields:
            condition |= Q(**{name: text})
        found = list(self.queryset.all().filter(condition)[:2])
        if len(found) != 1:
            raise ValueError(_("“%(value)s” is not known here.") % {"value": text})
        return found[0]

    def render(self, value: Any, obj: Any = None, **kwargs: Any) -> str:
        return str(getattr(value, self.show, "")) if value else ""


class DayWidget(widgets.Widget):
    """A date as people write it."""

    def __init__(self, optional: bool = False) -> None:
        super().__init__()
        self.optional = optional

    def clean(self, value: Any, row: Any = None, **kwargs: Any) -> date | None:
        if isinstance(value, datetime):
            return value.date()
        if isinstance(value, date):
            return value
        text = str(value or "").strip()
        if not text and self.optional:
            return None
        if not text:
            raise ValueError(_("This column must not be empty."))
        for form in DAY_FORMATS:
            try:
                return datetime.strptime(text, form).date()
            except ValueError:
                continue
        raise ValueError(_("“%(value)s” is not a date such as 2026-03-18.") % {"value": text})

    def render(self, value: Any, obj: Any = None, **kwargs: Any) -> str:
        return value.isoformat() if value else ""


class MomentWidget(widgets.Widget):
    """A moment as a sheet shows it, by the chain's clocks. Out alone."""

    def render(self, value: Any, obj: Any = None, **kwargs: Any) -> str:
        return clock.minute_words(value)
