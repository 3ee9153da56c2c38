"""A word to the simulator that a bench started."""

import json
import urllib.request
from typing import Any


def control(url: str, path: str, **body: Any) -> Any:
    data = json.dumps(body).encode() if body else None
    request = urllib.request.Request(f"{url}/sim/{path}", data=data)  # noqa: S310
    request.add_header("Content-Type", "application/json")
    with urllib.request.urlopen(request, timeout=600) as answer:  # noqa: S310
        return json.loads(answer.read() or b"{}")
