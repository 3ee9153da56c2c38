"""Workers by the dozen: a process with the product loaded that forks one real worker per line.

A line is `POINT|NOW|JOB`: the child runs the job (the one that hands sends over, if none is named)
at NOW and dies by SIGKILL at POINT ("-" = lives), or wherever it is after a time ("@0.02" =
seconds). The answer is its exit status. Forking saves loading the product each time; each worker is
still a process of its own with its own connections, and nothing of it survives.
"""

import os
import signal
import sys
from datetime import datetime

import django

django.setup()

from apps.core.wake import asleep
from apps.guide_tasks.models import TaskPush
from apps.guide_tasks.services import parts
from apps.outreach import services as outreach
from apps.wecom.client import client_for
from apps.wecom_sync import services as wecom_sync

WORKERS = 8


def ask_together(*, now: datetime) -> None:
    """Eight workers ask WeCom the same at the same moment; each ends with 0 if it was answered."""
    gate, starter = os.pipe()
    children = []
    for _number in range(WORKERS):
        child = os.fork()
        if child == 0:
            os.close(starter)
            os.read(gate, 1)  # ends when the starter closes
            client_for().list_follow_userids()
            os._exit(0)
        children.append(child)
    os.close(starter)
    ended = [os.waitpid(child, 0)[1] for child in children]
    if any(ended):
        raise RuntimeError(f"Workers ended with {ended}.")


def write_parts(*, now: datetime) -> None:
    """What the bell of a large hand-out calls."""
    with asleep():
        for push in TaskPush.objects.filter(status=TaskPush.Status.HANDING_OUT):
            parts.work_off(push_id=push.pk)


JOBS = {
    "parts": write_parts,
    "": outreach.send_queued,
    "welcomes": wecom_sync.take_welcome_codes,
    "callbacks": wecom_sync.handle_callbacks,
    "ask_together": ask_together,
}


def work(point: str, now: datetime, job: str) -> None:
    if point.startswith("@"):
        signal.signal(signal.SIGALRM, signal.SIG_DFL)  # ends the process at whatever line it is
        signal.setitimer(signal.ITIMER_REAL, float(point[1:]))
    elif point != "-":
        os.environ["SCRM_KILL_AT"] = point
    JOBS[job](now=now)


def main() -> None:
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    for line in sys.stdin:
        point, now, job = line.strip().split("|")
        child = os.fork()
        if child == 0:
            try:
                work(point, datetime.fromisoformat(now), job)
            except BaseException:
                os._exit(1)
            os._exit(0)
        _pid, status = os.waitpid(child, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
