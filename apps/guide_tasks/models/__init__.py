"""The work handed to guides: pushes, each guide's share, each member in it, and every proof."""

from apps.guide_tasks.models.evidence import Evidence, LinkOrder
from apps.guide_tasks.models.items import ItemExcuseDecision, ItemMove, TaskItem
from apps.guide_tasks.models.parts import HandOutPart
from apps.guide_tasks.models.pushes import (
    CONFIRMED_IN_WECOM,
    ITEM_KINDS,
    PROFILED_KINDS,
    SERVICE_KINDS,
    AssignBy,
    NotIssued,
    PushForecast,
    TaskPush,
)
from apps.guide_tasks.models.rules import TaskRule
from apps.guide_tasks.models.series import PushSeries, SeriesOccurrence
from apps.guide_tasks.models.states import (
    MOVES,
    OPEN_STATES,
    OVER_STATES,
    ExcuseReason,
    Grade,
    ItemExcuse,
    Outcome,
    State,
)
from apps.guide_tasks.models.targets import ExcuseDecision, GuideTask, TargetMove, TaskTarget
from apps.guide_tasks.models.timing import RegionTiming

__all__ = [
    "AssignBy",
    "CONFIRMED_IN_WECOM",
    "Evidence",
    "ExcuseDecision",
    "ExcuseReason",
    "Grade",
    "GuideTask",
    "HandOutPart",
    "ITEM_KINDS",
    "ItemExcuse",
    "ItemExcuseDecision",
    "ItemMove",
    "LinkOrder",
    "MOVES",
    "NotIssued",
    "OPEN_STATES",
    "OVER_STATES",
    "Outcome",
    "PROFILED_KINDS",
    "PushForecast",
    "PushSeries",
    "RegionTiming",
    "SERVICE_KINDS",
    "SeriesOccurrence",
    "State",
    "TargetMove",
    "TaskItem",
    "TaskPush",
    "TaskRule",
    "TaskTarget",
]
