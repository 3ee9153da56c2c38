"""A web server of the bench's own, and clients that keep it busy."""

import os
import queue
import random
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from apps.core.embedded import process

# as docs/running.md tells production to: the clients here ask and read at once, as a proxy does
PLAIN_PROCESSES = ["--worker-class", "sync", "--workers", str(2 * (os.cpu_count() or 1))]


class BenchFailed(RuntimeError):
    """A request was refused or lost: the figures would mean nothing."""


@contextmanager
def server(application: str, extra: dict[str, str], workers: Sequence[str]) -> Iterator[int]:
    """A gunicorn of its own on a free port, ended with the block. A bench gives the product and
    its floors the same workers."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    argv = [sys.executable, "-m", "gunicorn", application, "--bind", f"127.0.0.1:{port}"]
    argv += [*workers, "--log-level", "warning", "--no-control-socket", "--backlog", "512"]
    child = process.spawn(argv, env={**os.environ, **extra})
    try:
        _wait(child, port)
        yield port
    finally:
        process.end(child)


def _wait(child: subprocess.Popen[bytes], port: int) -> None:
    until = time.monotonic() + 30
    while time.monotonic() < until:
        if child.poll() is not None:
            raise BenchFailed("the server did not start")
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.1)
    raise BenchFailed("the server did not answer")


def send_all(port: int, requests: Sequence[bytes], senders: int, pause: float = 0.0) -> list[float]:
    """Every request once, `senders` at a time; how long each took, in seconds. All must be 200.

    `pause`: seconds for which a sender reads an answer before it asks again, half to one and a half
    of it, so that they do not march in step.
    """
    waiting: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    for request in requests:
        waiting.put(request)
    took: list[float] = []
    refused: list[bytes] = []

    def send() -> None:
        while True:
            try:
                request = waiting.get_nowait()
            except queue.Empty:
                return
            if pause:
                time.sleep(pause * random.uniform(0.5, 1.5))
            began = time.perf_counter()
            answer = exchange(port, request)
            took.append(time.perf_counter() - began)
            if not answer.startswith(b"HTTP/1.1 200"):
                refused.append(answer[:40])

    threads = [threading.Thread(target=send) for _ in range(senders)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if refused or len(took) != len(requests):
        raise BenchFailed(f"{len(refused)} refused, first {refused[:1]}")
    return took


def exchange(port: int, request: bytes) -> bytes:
    """One request on a connection of its own, the answer to its end."""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        connection.sendall(request)
        answer = []
        while part := connection.recv(65_536):
            answer.append(part)
        return b"".join(answer)


def percentile(seconds: Sequence[float], share: float) -> float:
    """The time, in ms, within which this share of the requests was answered."""
    ordered = sorted(seconds)
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)] * 1000
