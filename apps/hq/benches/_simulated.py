"""The other side of a bench: a simulator in a process of its own, and a word to it."""

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from django.conf import settings
from django.utils import timezone

from apps.core.embedded import process
from apps.hq.benches._serving import BenchFailed
from apps.stores.models import LegalEntity, Region, Store
from apps.wecom import services as wecom
from apps.wecom.client import WeComClient
from apps.wecom.models import Corp

CORP = {
    "WECOM_CORP_ID": "wwbench000000001",
    "WECOM_AGENT_ID": "1000002",
    "WECOM_SECRET": "bench-app-secret",  # a secret of the bench's own simulator
    "WECOM_CONTACT_SECRET": "bench-contact-secret",
}


def control(url: str, path: str, /, **body: Any) -> Any:
    data = json.dumps(body).encode() if body else None
    request = urllib.request.Request(f"{url}/sim/{path}", data=data)
    request.add_header("Content-Type", "application/json")
    with urllib.request.urlopen(request, timeout=600) as answer:
        return json.loads(answer.read() or b"{}")


@contextmanager
def simulator() -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    with tempfile.TemporaryDirectory(prefix="scrm-bench-sim-") as state:
        argv = [sys.executable, "-m", "apps.wecom_simulator", "--port", str(port)]
        argv += ["--state-dir", state, "--product", "http://127.0.0.1:9"]
        output = (Path(state) / "simulator.log").open("ab")
        child = process.spawn(argv, env={**os.environ, **CORP}, output=output)
        try:
            _wait(url, child)
            yield url
        finally:
            process.end(child)
            output.close()


def _wait(url: str, child: "subprocess.Popen[bytes]") -> None:
    until = time.monotonic() + 30
    while time.monotonic() < until and child.poll() is None:
        with suppress(OSError):
            control(url, "healthz")
            return
        time.sleep(0.1)
    raise BenchFailed("the simulator did not start")


def connect(url: str) -> Corp:
    os.environ["WECOM_API_BASE"] = settings.WECOM_API_BASE = f"{url}/cgi-bin/"
    # as fast as the other side answers: WeCom's own 10,000 a minute would be the only figure
    os.environ["WECOM_LIMIT_PERCENT"] = "100000"
    settings.WECOM_LIMIT_PERCENT = 100_000
    return wecom.connect_corp(
        corp_id=CORP["WECOM_CORP_ID"],
        corp_name="Bench",
        agent_id=int(CORP["WECOM_AGENT_ID"]),
        secret=CORP["WECOM_SECRET"],
        token="benchtoken",
        aes_key="abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG",
        slug="bench",
    ).corp


def open_stores(client: WeComClient) -> None:
    region = Region.objects.create(code="b", name="Bench")
    entity = LegalEntity.objects.create(name="Bench", basis="same_handler")
    Store.objects.bulk_create(
        Store(
            code=f"B{one.id}",
            name=one.name,
            region=region,
            ownership="direct",
            legal_entity=entity,
            store_class="b",
            opened_on="2020-01-01",
            live_since=timezone.now(),
            corp_id=CORP["WECOM_CORP_ID"],
            wecom_department_id=one.id,
        )
        for one in client.list_departments()
        if one.parent_id
    )
