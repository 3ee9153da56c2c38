"""The five steps of the loop: what each counts, whose it is, what to do where people are lost."""

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from apps.reports.shapes import Funnel


@dataclass(frozen=True, slots=True)
class LoopStep:
    """One step: its word, whose work decides it, and where to begin when it leaks.

    `place` lists who came to it, `lost_place` who did not.
    """

    title: str | Promise
    rate_name: str | Promise
    text: str | Promise
    base: str | Promise
    owner: str | Promise
    advice: str | Promise
    place: str = ""
    lost_words: str | Promise = ""
    lost_place: str = ""


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
        place="issued",
        lost_words=_("not issued"),
        lost_place="not_issued",
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
        place="started",
        lost_words=_("not begun"),
        lost_place="not_begun",
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
        place="grade.3",
        lost_words=_("not delivered"),
        lost_place="not_delivered",
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
        place="outcome.purchased",
        lost_words=_("not bought"),
        lost_place="not_bought",
    ),
}


@dataclass(frozen=True, slots=True)
class StepRow:
    """One step of a push's funnel: how many came to it, and how many of `base` did not.

    Steps may be left out: a proof may come for somebody excused, who buys may never have been
    written to. `followed` of the count came by way of the step before.
    """

    step: LoopStep
    count: int
    rate: float | None
    base: int
    lost: int = 0
    is_over: bool = True

    @property
    def followed(self) -> int:
        return self.base - self.lost

    @property
    def warns(self) -> bool:
        """Who may still buy in the window is not lost."""
        return bool(self.lost) and self.is_over


def step_rows(funnel: Funnel, *, is_over: bool) -> list[StepRow]:
    """The steps of one push. `is_over`: the days in which an order counts have passed."""
    reachable = funnel.issued + funnel.control
    share = reachable / funnel.planned if funnel.planned else None
    to_issue, to_do = funnel.planned - funnel.control, funnel.issued - funnel.excused
    return [
        StepRow(STEPS["planned"], funnel.planned, share, funnel.planned),
        StepRow(
            STEPS["issued"], funnel.issued, funnel.dispatch_rate, to_issue, funnel.not_issued_count
        ),
        StepRow(STEPS["started"], funnel.started, funnel.execution_rate, to_do, funnel.not_begun),
        StepRow(
            STEPS["delivered"],
            funnel.delivered,
            funnel.reach_rate,
            funnel.started,
            funnel.not_delivered,
        ),
        StepRow(
            STEPS["purchased"],
            funnel.purchased,
            funnel.conversion_rate,
            funnel.delivered,
            funnel.not_bought,
            is_over,
        ),
    ]
