"""Read-only numbers across the rooms: the funnel, lift, breakdowns, the home page."""

from apps.reports.selectors.funnel import LOST, push_breakdown, push_funnel, total_of
from apps.reports.selectors.lift import push_lift
from apps.reports.selectors.next_push import next_push
from apps.reports.selectors.home import home, planned_pushes
from apps.reports.selectors.todos import MISMATCH_DAYS, todos

__all__ = [
    "LOST",
    "MISMATCH_DAYS",
    "home",
    "next_push",
    "planned_pushes",
    "push_breakdown",
    "push_funnel",
    "push_lift",
    "todos",
    "total_of",
]
