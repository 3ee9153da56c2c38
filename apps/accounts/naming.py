"""What a row of a record was about: its name and its page instead of a number."""

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from django.apps import apps
from django.db.models import Model
from django.urls import reverse

Reference = tuple[str, str]

# model → the name it is known by ("" = nobody is named), the page about it, what the page asks for
_PAGES: dict[str, tuple[str, str, str]] = {
    "guide_tasks.taskpush": ("title", "hq:push", "pk"),
    "guide_tasks.guidetask": ("push__title", "hq:push", "push_id"),
    "guide_tasks.tasktarget": ("push__title", "hq:push", "push_id"),
    "guide_tasks.taskitem": ("push__title", "hq:push", "push_id"),
    "stores.store": ("name", "admin:stores_store_change", "pk"),
    "stores.guide": ("name", "admin:stores_guide_change", "pk"),
    "stores.region": ("name", "admin:stores_region_change", "pk"),
    "members.member": ("", "hq:member", "public_id"),
    "outreach.dispatch": ("guide__name", "admin:outreach_dispatch_change", "pk"),
    "accounts.apikey": ("name", "admin:accounts_apikey_change", "pk"),
    "contact_codes.channelcode": ("title", "hq:code", "pk"),
    "handovers.handoverrun": ("guide__name", "hq:handover", "pk"),
    "accounts.user": ("username", "admin:accounts_user_change", "pk"),
}


@dataclass(frozen=True, slots=True)
class Named:
    """A name (empty for a customer) and the address of the page."""

    name: str
    url: str


@cache
def models_by_word() -> dict[str, type[Model]]:
    """Models by `app.model` and by `snake_case`: both stand in entries."""
    found: dict[str, type[Model]] = {}
    for model in apps.get_models():
        found[re.sub(r"(?<!^)(?=[A-Z])", "_", model.__name__).lower()] = model
        found[model._meta.label_lower] = model
    return found


def reference_of(source: str) -> Reference:
    """`task_target:81` → ("task_target", "81"); of longer ones the beginning counts."""
    kind, *rest = source.split(":")
    return kind, rest[0] if rest else ""


def names_of(references: Iterable[Reference]) -> dict[Reference, Named]:
    """Names and pages of what is still there: one query for each kind of thing."""
    wanted: dict[str, dict[str, list[Reference]]] = defaultdict(lambda: defaultdict(list))
    for kind, key in set(references):
        model = models_by_word().get(kind)
        if model is not None and model._meta.label_lower in _PAGES and key.isdecimal():
            wanted[model._meta.label_lower][key].append((kind, key))
    found: dict[Reference, Named] = {}
    for label, by_key in wanted.items():
        field, page, argument = _PAGES[label]
        rows = apps.get_model(label)._default_manager.filter(pk__in=list(by_key))
        for pk, name, value in rows.values_list("pk", field or "pk", argument):
            named = Named(str(name) if field else "", reverse(page, args=[value]))
            found |= dict.fromkeys(by_key[str(pk)], named)
    return found
