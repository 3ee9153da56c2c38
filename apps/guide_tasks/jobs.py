"""Doorbells of the tasks' room."""

from apps.core import clock
from apps.core.jobs import Queue, job
from apps.guide_tasks import services


@job(name="guide_tasks.hand_out_due", queue=Queue.INTERACTIVE)
def hand_out_due() -> str:
    """Hand out approved pushes whose hour has come."""
    return f"{services.hand_out_due(now=clock.now())} handed out"


@job(name="guide_tasks.tell_issued", queue=Queue.BULK)
def tell_issued(push_id: int) -> str:
    """Write the story of a large hand-out."""
    return f"{services.tell_issued(push_id=push_id)} told"


@job(name="guide_tasks.expire_due", queue=Queue.BULK)
def expire_due() -> str:
    """Close targets past their grace."""
    return f"{services.expire_due(now=clock.now())} closed"


@job(name="guide_tasks.close_due", queue=Queue.BULK)
def close_due() -> str:
    """Close pushes in which nothing is open any more."""
    return f"{services.close_due(now=clock.now())} closed"


@job(name="guide_tasks.run_rules", queue=Queue.SYNC)
def run_rules() -> str:
    """Make the tasks that rules ask for."""
    made = services.run_rules(now=clock.now())
    return (
        f"{made.follow_ups} follow-ups, {made.care} care, {made.greetings} greetings, "
        f"{made.excused} excused"
    )


@job(name="guide_tasks.take_clicks", queue=Queue.INTERACTIVE)
def take_clicks() -> str:
    """Count identified clicks as proof."""
    return f"{services.take_clicks(now=clock.now())} clicks"
