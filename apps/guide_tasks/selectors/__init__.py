"""Reads of the tasks' room, by who asks: the guide, the team, the result of a push."""

from apps.guide_tasks.selectors.collisions import Collisions, collisions
from apps.guide_tasks.selectors.contexts import (
    form_of_address,
    guide_context,
    surname,
    target_context,
    target_contexts,
)
from apps.guide_tasks.selectors.guide import (
    badge,
    chip_of,
    my_numbers,
    next_up,
    open_targets_of_member,
    open_work,
    own_task,
    personal_text,
    proofs_of,
    targets_of_members,
    task_page,
    today,
)
from apps.guide_tasks.selectors.items import (
    Said,
    excuses_said,
    item_excuses,
    item_results,
    items_of_day,
    photos_to_approve,
    store_items,
)
from apps.guide_tasks.selectors.minutes import GuideCost, PushCost, minutes_spent, push_cost
from apps.guide_tasks.selectors.results import (
    control_counts,
    control_members,
    earlier_in_campaign,
    push_places,
    push_results,
    went_out_before,
)
from apps.guide_tasks.selectors.team import (
    CHASES_A_DAY,
    chases_today,
    pushes_to_help,
    running_pushes,
    team_progress,
)
from apps.guide_tasks.selectors.timing import TimingChange, region_timings
from apps.guide_tasks.selectors.words import Words, words_of

__all__ = [
    "CHASES_A_DAY",
    "Collisions",
    "GuideCost",
    "PushCost",
    "Said",
    "Words",
    "TimingChange",
    "badge",
    "chases_today",
    "chip_of",
    "collisions",
    "control_counts",
    "control_members",
    "earlier_in_campaign",
    "excuses_said",
    "form_of_address",
    "guide_context",
    "item_excuses",
    "item_results",
    "items_of_day",
    "minutes_spent",
    "my_numbers",
    "next_up",
    "open_targets_of_member",
    "open_work",
    "own_task",
    "personal_text",
    "photos_to_approve",
    "proofs_of",
    "push_cost",
    "push_places",
    "push_results",
    "pushes_to_help",
    "region_timings",
    "running_pushes",
    "store_items",
    "surname",
    "target_context",
    "target_contexts",
    "targets_of_members",
    "task_page",
    "team_progress",
    "today",
    "went_out_before",
    "words_of",
]
