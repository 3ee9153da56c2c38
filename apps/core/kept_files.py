"""Files nobody names any more: a picture that was replaced, or chosen in a form nobody sent."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from django.apps import apps
from django.core.files.storage import default_storage
from django.db import connection
from django.db.models import FileField, JSONField, Model

# a form may lie open for a while before it is sent
KEEP = timedelta(days=1)
# rows that carry copies of pieces, each with the name of its file: see outreach.attachments
PIECES = "attachments"


def forget_files(*, now: datetime) -> int:
    """Delete kept files older than a day that no row names; returns how many.

    Looks into the folders of our own file fields alone. A file whose name comes into a row only now
    was chosen a day ago at least.
    """
    old = set(_old_files(now - KEEP))
    if not old:
        return 0
    for name in _named():
        old.discard(name)
    for name in sorted(old):
        default_storage.delete(name)
    return len(old)


def _fields() -> Iterator[tuple[type[Model], FileField]]:
    for model in apps.get_models():
        for field in model._meta.concrete_fields:
            if isinstance(field, FileField):
                yield model, field


def _folders() -> set[str]:
    """Where our file fields keep their files."""
    paths = (field.generate_filename(model(), "any.png") for model, field in _fields())
    return {folder for path in paths if (folder := path.rpartition("/")[0])}


def _old_files(before: datetime) -> Iterator[str]:
    for folder in sorted(_folders()):
        try:
            _inside, names = default_storage.listdir(folder)
        except FileNotFoundError:  # nobody has kept a file there
            continue
        for name in sorted(names):
            path = f"{folder}/{name}"
            if default_storage.get_modified_time(path) < before:
                yield path


def _named() -> Iterator[str]:
    """What rows name, in a file field or in a piece of a message; each table is read once, however
    many files there are."""
    for model, field in _fields():
        rows = model._base_manager.exclude(**{field.name: ""}).order_by()
        yield from rows.values_list(field.name, flat=True).iterator()
    for model in apps.get_models():
        if any(isinstance(f, JSONField) and f.name == PIECES for f in model._meta.concrete_fields):
            yield from _in_pieces(model._meta.db_table)


def _in_pieces(table: str) -> list[str]:
    sql = f"""
        SELECT DISTINCT piece ->> 'file' FROM {connection.ops.quote_name(table)} AS kept
        CROSS JOIN LATERAL jsonb_array_elements(kept.{PIECES}) AS piece
        WHERE kept.{PIECES} <> '[]' AND piece ? 'file'
    """
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return [row[0] for row in cursor.fetchall()]
