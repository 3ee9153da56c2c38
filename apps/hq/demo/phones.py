"""The simulator's control API, as the loader and the loop use it."""

import json
import urllib.error
import urllib.parse
import urllib.request
from typing import Any


class SimulatorError(RuntimeError):
    """The simulator refused or did not answer; the message says which call."""


class Phones:
    """Everybody's phones: what people do in WeCom, done over HTTP."""

    def __init__(self, base_url: str, *, timeout: float = 60) -> None:
        self.base_url = base_url.rstrip("/")
        self._timeout = timeout

    def get(self, path: str, **query: Any) -> Any:
        """GET a control path as JSON."""
        words = f"?{urllib.parse.urlencode(query)}" if query else ""
        return self._call(urllib.request.Request(f"{self.base_url}{path}{words}"))

    def post(self, path: str, **body: Any) -> Any:
        """POST JSON to a control path."""
        return self._call(
            urllib.request.Request(
                f"{self.base_url}{path}",
                data=json.dumps(body).encode(),
                headers={"Content-Type": "application/json"},
            )
        )

    def tap(self, url: str, **form: str) -> None:
        """Open a page of WeCom's in a browser; with a form, send it."""
        data = urllib.parse.urlencode(form).encode() if form else None
        try:
            with urllib.request.urlopen(url, data=data, timeout=self._timeout):
                return
        except OSError as error:
            raise SimulatorError(f"{url}: {error}") from error

    def _call(self, request: urllib.request.Request) -> Any:
        try:
            with urllib.request.urlopen(request, timeout=self._timeout) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            text = error.read().decode(errors="replace")[:200]
            raise SimulatorError(f"{request.full_url}: {error.code} {text}") from error
        except OSError as error:
            raise SimulatorError(f"{request.full_url}: {error}") from error
