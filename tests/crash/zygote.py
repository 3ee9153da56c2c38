"""Workers by the dozen: a process with the product loaded that forks one real worker per line.

A line is `POINT|NOW`: the child runs the job that hands sends over, at NOW, and dies by SIGKILL
at POINT ("-" = lives). The answer is its exit status. Forking saves loading the product each time;
each worker is still a process of its own with its own connections, and nothing of it survives.
"""

import os
import sys
from datetime import datetime

import django

django.setup()

from apps.outreach import services as outreach  # noqa: E402


def work(point: str, now: datetime) -> None:
    if point != "-":
        os.environ["SCRM_KILL_AT"] = point
    outreach.send_queued(now=now)


def main() -> None:
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    for line in sys.stdin:
        point, _, now = line.strip().partition("|")
        child = os.fork()
        if child == 0:
            try:
                work(point, datetime.fromisoformat(now))
            except BaseException:
                os._exit(1)
            os._exit(0)
        _pid, status = os.waitpid(child, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
