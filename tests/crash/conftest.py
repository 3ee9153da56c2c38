import subprocess
import sys

import pytest

from tests.conftest import PROJECT


@pytest.fixture
def workers(product_env):
    """Ask for a worker that dies at a point; returns how it ended."""
    zygote = subprocess.Popen(
        [sys.executable, str(PROJECT / "tests/crash/zygote.py")],
        cwd=PROJECT,
        env={**product_env, "PYTHONPATH": str(PROJECT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert zygote.stdout.readline() == "ready\n"

    def run(point, now, job=""):
        zygote.stdin.write(f"{point}|{now.isoformat()}|{job}\n")
        zygote.stdin.flush()
        return int(zygote.stdout.readline())

    yield run
    zygote.stdin.close()
    zygote.wait(timeout=60)
    zygote.stdout.close()
