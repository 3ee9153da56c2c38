"""Named points where a crash test may kill the process."""

import os
import signal
from pathlib import Path

from django.conf import settings


def point(name: str) -> None:
    """Do nothing, except in a test that names this point: then die as if the power went.

    SCRM_KILL_AT names the point; with SCRM_KILL_ONCE_FILE the first process to create that file
    dies and later ones live.
    """
    if os.environ.get("SCRM_KILL_AT") != name or settings.SCRM_ENV != "test":
        return
    marker = os.environ.get("SCRM_KILL_ONCE_FILE")
    if marker:
        try:
            Path(marker).touch(exist_ok=False)
        except FileExistsError:
            return
    os.kill(os.getpid(), signal.SIGKILL)
