"""Read-only numbers across the rooms: how far pushes came and what they were worth, the home
page."""

from apps.reports.selectors.funnel import LOST, push_breakdown, push_funnel, total_of
from apps.reports.selectors.home_page import PERIOD_DAYS, home, planned_pushes
from apps.reports.selectors.lift import ENOUGH_CONTROL, push_lift
from apps.reports.selectors.suggestion import next_push
from apps.reports.selectors.waiting import MISMATCH_DAYS, todos

__all__ = [
    "ENOUGH_CONTROL",
    "LOST",
    "MISMATCH_DAYS",
    "PERIOD_DAYS",
    "home",
    "next_push",
    "planned_pushes",
    "push_breakdown",
    "push_funnel",
    "push_lift",
    "todos",
    "total_of",
]
