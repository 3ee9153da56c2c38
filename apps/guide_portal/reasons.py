"""不适用: the six reasons a guide may give, as rows and chips to tap."""

from typing import Any

from django.utils.translation import gettext as _

from apps.guide_portal.forms import OFFERED_REASONS
from apps.guide_tasks.models import ExcuseReason

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
