"""The words of each consent as the product brings them; head office publishes its own versions.

These versions never change: a consent given to one of them can always be read again.
"""

from dataclasses import dataclass
from datetime import datetime

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from apps.member_portal.models import ConsentText
from apps.members.models import Consent

Purpose = Consent.Purpose


@dataclass(frozen=True, slots=True)
class Text:
    purpose: str
    version: str
    title: str | Promise
    body: str | Promise

    @property
    def required(self) -> bool:
        return self.purpose == Purpose.MEMBERSHIP


BUILT_IN = (
    Text(
        Purpose.MEMBERSHIP,
        "2026-01",
        _("Agree to the membership service"),
        _(
            "We use your phone number to open a member account and keep your purchases and returns"
            " in it. Your guide and this chain's staff who serve you can see them, the number"
            " masked. You can shop here without agreeing. You can ask for a copy or for deletion"
            " in “My data” at any time."
        ),
    ),
    Text(
        Purpose.WECOM_MARKETING,
        "2026-01",
        _("Receive WeCom messages"),
        _("Your guide may tell you about new goods and offers in WeCom."),
    ),
    Text(
        Purpose.SMS_MARKETING,
        "2026-01",
        _("Receive SMS"),
        _("We may tell you about offers by SMS. Each one says how to refuse."),
    ),
    Text(
        Purpose.PROFILING,
        "2026-01",
        _("Suggestions from my purchases"),
        _("We may choose by your purchases what we tell you. Without it you get what all get."),
    ),
)


def current_texts(*, now: datetime) -> list[Text]:
    """One text per purpose, the latest that is valid; purposes without a text are not asked."""
    found = {text.purpose: text for text in BUILT_IN}
    for row in ConsentText.objects.filter(valid_from__lte=now).order_by("valid_from", "pk"):
        found[row.purpose] = Text(row.purpose, row.version, row.title, row.body)
    return [found[purpose] for purpose in Purpose.values if purpose in found]


def published_texts() -> dict[tuple[str, str], Text]:
    """Every text there ever was, by purpose and version: a consent is shown in its own words."""
    found = {(text.purpose, text.version): text for text in BUILT_IN}
    for row in ConsentText.objects.all():
        found[row.purpose, row.version] = Text(row.purpose, row.version, row.title, row.body)
    return found
