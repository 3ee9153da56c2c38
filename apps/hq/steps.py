"""The five steps of the loop: what each counts, whose it is, what to do where people are lost."""

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


@dataclass(frozen=True, slots=True)
class LoopStep:
    """One step: its word, whose work decides it, and where to begin when it leaks."""

    title: str | Promise
    rate_name: str | Promise
    text: str | Promise
    base: str | Promise
    owner: str | Promise
    advice: str | Promise


STEPS: dict[str, LoopStep] = {
    "planned": LoopStep(
        _("Segment"),
        _("reachable"),
        _(
            "Members chosen by the pushes of the period; who was chosen by two pushes "
            "counts twice. Reachable = (issued + control) ÷ chosen."
        ),
        _("chosen"),
        _("HQ operator"),
        _(
            "Open the reasons. No friend, no consent: win friends and consents first. Contacted "
            "lately: wait, or choose other members."
        ),
    ),
    "issued": LoopStep(
        _("Issued"),
        _("issue rate"),
        _(
            "Members who went into a guide's task. Chosen = issued + control + not issued "
            "by reason."
        ),
        _("chosen − control"),
        _("HQ operator"),
        _(
            "Nobody serves them, or the guide is off: the store manager hands customers over and "
            "names who covers."
        ),
    ),
    "started": LoopStep(
        _("Executed"),
        _("execution rate"),
        _(
            "Members with whom the guide has begun: chat opened, sent or reported. The "
            "rate leaves out what is not applicable."
        ),
        _("issued − not applicable"),
        _("Guide"),
        _("Remind the unfinished; the store manager sees under 团队任务 who has not looked."),
    ),
    "delivered": LoopStep(
        _("Delivered"),
        _("reach rate"),
        _(
            "WeCom confirmed the message to this customer, or the customer tapped their "
            "own link. What guides report themselves does not count."
        ),
        _("issued"),
        _("Guide, then WeCom"),
        _(
            "Begun but unconfirmed: the guide confirms in WeCom. No friend any more, or WeCom's "
            "limit: nothing more can be done this time."
        ),
    ),
    "purchased": LoopStep(
        _("Bought"),
        _("conversion"),
        _(
            "Members with a net-positive order in the outcome window (order view). Bought "
            "is not lift."
        ),
        _("issued, not delivered"),
        _("Guide; the till proves it"),
        _(
            "Delivered and no order: the follow-up rule makes the next task. Orders missing "
            "altogether: look at the till's interface."
        ),
    ),
}
