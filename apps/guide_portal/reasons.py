"""不适用: the reasons a guide may give, about a customer or about other work, as rows to tap."""

from typing import Any

from django.utils.translation import gettext as _

from apps.guide_portal.forms import OFFERED_REASONS
from apps.guide_tasks.models import CONFIRMED_IN_WECOM, ExcuseReason, ItemExcuse, TaskPush

QUICK_REASONS = (ExcuseReason.BOUGHT_ALREADY, ExcuseReason.JUST_TALKED)
STOP = ExcuseReason.ASKED_TO_STOP
_ICONS = {
    ExcuseReason.BOUGHT_ALREADY: "bag",
    ExcuseReason.JUST_TALKED: "chat",
    ExcuseReason.MOVED_AWAY: "pin",
    ExcuseReason.WRONG_PERSON: "people",
    ExcuseReason.ASKED_TO_STOP: "shield",
    ExcuseReason.OTHER: "note",
}


def offered_reasons() -> list[dict[str, Any]]:
    """The six reasons as rows to tap."""
    labels = {
        ExcuseReason.BOUGHT_ALREADY: _("Bought already"),
        ExcuseReason.JUST_TALKED: _("We have just talked"),
        ExcuseReason.MOVED_AWAY: _("Moved away, does not come any more"),
        ExcuseReason.WRONG_PERSON: _("Not the right person for this"),
        ExcuseReason.ASKED_TO_STOP: _("TA asked not to be contacted"),
        ExcuseReason.OTHER: _("Another reason"),
    }
    hint = _("Everybody stops writing to TA; the next step asks again")
    return [
        {
            "value": reason.value,
            "label": labels[reason],
            "icon": _ICONS[reason],
            "warn": reason == STOP,
            "hint": hint if reason == STOP else "",
        }
        for reason in OFFERED_REASONS
    ]


_ITEM_ICONS = {
    ItemExcuse.NO_GOODS: "bag",
    ItemExcuse.NO_PLACE: "grid",
    ItemExcuse.SHUT: "store",
}
SHUT = ItemExcuse.SHUT.value
# where neither goods nor a place of them are asked for
_WITHOUT_GOODS = (TaskPush.Kind.RECRUIT, *CONFIRMED_IN_WECOM)


def item_reasons(kind: str) -> list[dict[str, str]]:
    """Why a store cannot do a piece of work; any other reason is written."""
    every = every_item_reason()
    return [row for row in every if row["value"] == SHUT] if kind in _WITHOUT_GOODS else every


def every_item_reason() -> list[dict[str, str]]:
    return [
        {"value": code.value, "label": str(code.label), "icon": icon}
        for code, icon in _ITEM_ICONS.items()
    ]
