"""`manage.py loop` beside the running demo: it works, works again, and survives a killed worker."""

import contextlib
import json
import os
import signal
import threading
import time

STAGES = [
    "segment", "hand_out", "notice", "organic_purchase", "contact", "deliver", "engage",
    "purchase", "control", "timeline", "next_step", "result",
]  # fmt: skip


def play(demo):
    done = demo.manage("loop", "--json")
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-2000:] + demo.complaints()
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["ok"] is True
    assert [stage["name"] for stage in found["stages"]] == STAGES
    assert all(stage["expected"] == stage["actual"] for stage in found["stages"])
    return found["stages"]


def test_the_loop_turns_and_turns_again(demo):
    first, second = play(demo), play(demo)

    # each run hands out to people of its own
    assert first[0]["actual"]["counted"] == second[0]["actual"]["counted"] > 0


def test_the_loop_turns_although_a_worker_is_killed_midway(demo):
    before = demo.processes("-n worker@demo")
    assert before
    killed = []

    def kill_one():
        time.sleep(8)
        for pid in before:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
                killed.append(pid)

    killer = threading.Thread(target=kill_one)
    killer.start()
    play(demo)
    killer.join()

    assert killed == before
    assert "worker ended (-9), starting it again" in demo.said()
    assert set(demo.processes("-n worker@demo")).isdisjoint(killed)
