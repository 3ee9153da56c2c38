"""Doorbells of the sync room."""

from apps.core import clock
from apps.core.jobs import job
from apps.wecom.models import Corp
from apps.wecom_sync import services


@job(name="wecom_sync.handle_callbacks", queue="sync")
def handle_callbacks() -> str:
    """Interpret what WeCom told us."""
    return f"closed {services.handle_callbacks(now=clock.now())}"


@job(name="wecom_sync.poll_results", queue="sync")
def poll_results() -> str:
    """Ask WeCom what became of sends."""
    return f"results {services.poll_results(now=clock.now())}"


@job(name="wecom_sync.reconcile", queue="bulk")
def reconcile() -> str:
    """Compare staff and friends of every corp with WeCom."""
    told = []
    for corp in Corp.objects.filter(is_active=True):
        for run in services.sync_all(corp=corp, now=clock.now()):
            told.append(
                f"{run.kind}: {run.state}, seen {run.seen}, new {run.created}, ended {run.ended}"
            )
    return "; ".join(told)
