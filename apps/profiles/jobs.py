"""Background jobs of the profiles' room."""

from apps.core import clock
from apps.core.jobs import Queue, job
from apps.profiles import services


@job(name="profiles.nightly_stages", queue=Queue.BULK)
def nightly_stages() -> str:
    """Move stages on by a day."""
    return f"{services.nightly_stages(now=clock.now())} changed"
