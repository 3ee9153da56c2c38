"""The doors the loop goes through: pages with a browser's cookies and forms, and the API."""

import http.cookiejar
import json
import urllib.error
import urllib.parse
import urllib.request
from typing import Any

from apps.hq.loop.pages import Form, Page, read

_TIMEOUT = 30


class DoorClosed(RuntimeError):
    """A page or endpoint did not do what its visitor came for."""


class Visitor:
    """Somebody with a browser: cookies, redirects, forms; no JavaScript."""

    def __init__(self, base_url: str) -> None:
        self.base_url = base_url.rstrip("/")
        self._jar = http.cookiejar.CookieJar()
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self._jar))

    def get(self, address: str, **query: Any) -> Page:
        """Open an address (absolute, or of our product)."""
        words = f"?{urllib.parse.urlencode(query)}" if query else ""
        return self._open(urllib.request.Request(self._absolute(address) + words))

    def submit(
        self, page: Page, form: Form, /, button: tuple[str, str] | None = None, **values: Any
    ) -> Page:
        """Send a form with these values changed; a list sends several, None leaves a field out."""
        fields = [(name, value) for name, value in form.fields if name not in values]
        for name, value in values.items():
            several = value if isinstance(value, list) else [value]
            fields += [(name, str(one)) for one in several if one is not None]
        if button is not None:
            fields.append(button)
        return self.send(page, form, fields, only=True)

    def send(
        self, page: Page, form: Form, fields: list[tuple[str, str]], *, only: bool = False
    ) -> Page:
        """Send a form with further fields in this order; `only` sends nothing else."""
        if not only:
            given = {name for name, _value in fields}
            fields = [pair for pair in form.fields if pair[0] not in given] + fields
        address = urllib.parse.urljoin(page.url, form.action or page.url)
        data = urllib.parse.urlencode(fields)
        if form.method == "get":
            return self._open(urllib.request.Request(f"{address.partition('?')[0]}?{data}"))
        return self._open(
            urllib.request.Request(address, data=data.encode(), headers={"Referer": page.url})
        )

    def _absolute(self, address: str) -> str:
        return urllib.parse.urljoin(f"{self.base_url}/", address)

    def _open(self, request: urllib.request.Request) -> Page:
        try:
            with self._opener.open(request, timeout=_TIMEOUT) as answer:
                return read(url=answer.geturl(), status=answer.status, html=answer.read().decode())
        except urllib.error.HTTPError as error:
            text = " ".join(error.read().decode(errors="replace").split())[:300]
            raise DoorClosed(f"{request.full_url}: {error.code} {text}") from error
        except OSError as error:
            raise DoorClosed(f"{request.full_url}: {error}") from error


class Till:
    """The till's side of the API."""

    def __init__(self, base_url: str, api_key: str) -> None:
        self._base = base_url.rstrip("/")
        self._key = api_key

    def post(self, path: str, items: list[dict[str, Any]], key: str) -> list[dict[str, Any]]:
        """Post a batch under an idempotency key; the result of every item, none refused."""
        request = urllib.request.Request(
            f"{self._base}{path}",
            data=json.dumps({"items": items}).encode(),
            headers={
                "Content-Type": "application/json",
                "Authorization": f"Bearer {self._key}",
                "Idempotency-Key": key,
            },
        )
        try:
            with urllib.request.urlopen(request, timeout=_TIMEOUT) as answer:
                results: list[dict[str, Any]] = json.load(answer)["results"]
        except urllib.error.HTTPError as error:
            text = error.read().decode(errors="replace")[:300]
            raise DoorClosed(f"{path}: {error.code} {text}") from error
        except OSError as error:
            raise DoorClosed(f"{path}: {error}") from error
        refused = [one for one in results if one.get("error")]
        if refused:
            raise DoorClosed(f"{path} refused {len(refused)}: {refused[0]}")
        return results
