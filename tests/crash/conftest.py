import subprocess
import sys

import pytest

from tests.conftest import PROJECT


class Zygote:
    """A process with the product loaded; its children are the workers."""

    def __init__(self, env):
        self.child = subprocess.Popen(
            [sys.executable, str(PROJECT / "tests/crash/zygote.py")],
            cwd=PROJECT,
            env={**env, "PYTHONPATH": str(PROJECT)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.child.stdout.readline() == "ready\n"

    def run(self, point, now, job=""):
        self.child.stdin.write(f"{point}|{now.isoformat()}|{job}\n")
        self.child.stdin.flush()
        return int(self.child.stdout.readline())

    def end(self):
        self.child.stdin.close()
        self.child.wait(timeout=60)
        self.child.stdout.close()


@pytest.fixture(scope="session")
def zygotes():
    """Loading the product takes seconds: one process for all tests that live in the same world."""
    found = {}
    yield found
    for zygote in found.values():
        zygote.end()


@pytest.fixture
def workers(zygotes, product_env):
    """Ask for a worker that dies at a point; returns how it ended."""
    env = {name: value for name, value in product_env.items() if name != "PYTEST_CURRENT_TEST"}
    world = frozenset(env.items())
    if world not in zygotes:
        zygotes[world] = Zygote(env)
    return zygotes[world].run
