"""What a person sees of an HTML page: its forms with their fields, its links, its figures.

A figure is an element with `data-count="name"`: its value is `data-value`, or else its text. An
element with `data-kind="x"` is one of a kind, an event or a piece of work; kinds are counted.
"""

from collections import Counter
from dataclasses import dataclass, field
from html.parser import HTMLParser

_VOID = frozenset(
    [
        "area",
        "base",
        "br",
        "col",
        "embed",
        "hr",
        "img",
        "input",
        "link",
        "meta",
        "source",
        "track",
        "wbr",
    ]  # never closed
)


@dataclass
class Form:
    """One form as a browser would send it: defaults in, buttons only when pressed."""

    action: str
    method: str
    fields: list[tuple[str, str]] = field(default_factory=list)
    buttons: list[tuple[str, str, str]] = field(default_factory=list)
    choices: dict[str, list[tuple[str, str]]] = field(default_factory=dict)

    def has(self, name: str) -> bool:
        return any(name == found for found, _value in self.fields) or name in self.choices

    def value_of(self, name: str, label: str) -> str:
        """The value of a choice that shows these words."""
        for value, words in self.choices[name]:
            if label in words:
                return value
        raise LookupError(f"{name} offers no {label!r}: {self.choices[name]}")


@dataclass
class Page:
    url: str
    status: int
    forms: list[Form]
    links: list[tuple[str, str]]
    figures: dict[str, str]
    text: str
    kinds: Counter[str] = field(default_factory=Counter)

    def fields(self) -> set[str]:
        """Names of all fields of all forms."""
        return {name for form in self.forms for name, _value in form.fields}

    def form_with_button(self, name: str) -> Form:
        """The form that holds a button of that name."""
        for found in self.forms:
            if any(name == button for button, _value, _words in found.buttons):
                return found
        raise LookupError(f"{self.url} ({self.status}) has no button {name!r}")

    def form(self, name: str) -> Form:
        """The form whose action contains these words, or that holds a field of that name."""
        for found in self.forms:
            if name in found.action or found.has(name):
                return found
        raise LookupError(f"{self.url} ({self.status}) has no form {name!r}")

    def link(self, words: str) -> str:
        """The address behind a link, by its words or a part of its address."""
        for address, label in self.links:
            if words in label or words in address:
                return address
        raise LookupError(f"{self.url} ({self.status}) has no link {words!r}")

    def number(self, figure: str) -> int:
        """A figure as a whole number."""
        if figure not in self.figures:
            raise LookupError(f"{self.url} ({self.status}) shows no figure {figure!r}")
        return int(self.figures[figure].replace(",", "").strip())


class _Reader(HTMLParser):
    """Collects forms, links, figures and text in one pass."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.forms: list[Form] = []
        self.by_id: dict[str, Form] = {}
        self.links: list[tuple[str, str]] = []
        self.figures: dict[str, str] = {}
        self.kinds: Counter[str] = Counter()
        self.text: list[str] = []
        self._form: Form | None = None
        self._select = ""
        self._captures: list[tuple[int, str, str, list[str]]] = []
        self._depth = 0
        self._option: tuple[str, bool] | None = None
        self._area = ""
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        if tag not in _VOID:
            self._depth += 1
        if "data-count" in found:
            if "data-value" in found:
                self.figures[found["data-count"]] = found["data-value"]
            else:
                self._capture("figure", found["data-count"])
        if "data-kind" in found:
            self.kinds[found["data-kind"]] += 1
        handler = getattr(self, f"_open_{tag}", None)
        if handler is not None:
            handler(found)

    def _capture(self, kind: str, name: str) -> None:
        self._captures.append((self._depth, kind, name, []))

    def _open_form(self, found: dict[str, str]) -> None:
        self._form = Form(found.get("action", ""), found.get("method", "get").lower())
        self.forms.append(self._form)
        if "id" in found:
            self.by_id[found["id"]] = self._form

    def _owner(self, found: dict[str, str]) -> Form | None:
        return self.by_id.get(found.get("form", ""), self._form)

    def _open_input(self, found: dict[str, str]) -> None:
        form, name, kind = self._owner(found), found.get("name", ""), found.get("type", "text")
        if form is None or not name or "disabled" in found:
            return
        value = found.get("value", "on" if kind in ("checkbox", "radio") else "")
        if kind in ("submit", "image"):
            form.buttons.append((name, value, value))
        elif kind in ("checkbox", "radio"):
            form.choices.setdefault(name, []).append((value, found.get("aria-label", value)))
            if "checked" in found:
                form.fields.append((name, value))
        elif kind != "file":
            form.fields.append((name, value))

    def _open_button(self, found: dict[str, str]) -> None:
        form = self._owner(found)
        if form is not None and found.get("type", "submit") == "submit":
            form.buttons.append((found.get("name", ""), found.get("value", ""), ""))

    def _open_select(self, found: dict[str, str]) -> None:
        self._select = found.get("name", "")
        if self._form is not None:
            self._form.choices.setdefault(self._select, [])

    def _open_option(self, found: dict[str, str]) -> None:
        self._close_option()
        self._option = (found.get("value", ""), "selected" in found)
        self._capture("option", "")

    def _close_option(self) -> None:
        if self._option is None or self._form is None or not self._select:
            self._option = None
            return
        (value, selected), words = self._option, ""
        for place in range(len(self._captures) - 1, -1, -1):
            if self._captures[place][1] == "option":
                words = "".join(self._captures.pop(place)[3]).strip()
                break
        self._form.choices[self._select].append((value, words))
        taken = any(self._select == name for name, _value in self._form.fields)
        if selected or (not taken and len(self._form.choices[self._select]) == 1):
            if selected:
                self._form.fields = [f for f in self._form.fields if f[0] != self._select]
            self._form.fields.append((self._select, value))
        self._option = None

    def _open_textarea(self, found: dict[str, str]) -> None:
        self._area = found.get("name", "")
        self._capture("area", self._area)

    def _open_a(self, found: dict[str, str]) -> None:
        if "href" in found:
            self._capture("link", found["href"])

    def _open_script(self, _found: dict[str, str]) -> None:
        self._hidden += 1

    _open_style = _open_script

    def handle_data(self, data: str) -> None:
        if self._hidden:
            return
        self.text.append(data)
        for _depth, _kind, _name, words in self._captures:
            words.append(data)

    def handle_endtag(self, tag: str) -> None:
        if tag in ("script", "style"):
            self._hidden = max(0, self._hidden - 1)
        if tag in ("option", "select"):
            self._close_option()
        if tag == "select":
            self._select = ""
        while self._captures and self._captures[-1][0] >= self._depth:
            self._close(*self._captures.pop()[1:])
        self._depth -= 1
        if tag == "form":
            self._form = None

    def _close(self, kind: str, name: str, words: list[str]) -> None:
        text = "".join(words)
        if kind == "link":
            self.links.append((name, " ".join(text.split())))
        elif kind == "figure":
            self.figures[name] = " ".join(text.split())
        elif kind == "area" and self._form is not None:
            self._form.fields.append((name, text.removeprefix("\n")))


def read(*, url: str, status: int, html: str) -> Page:
    """Read a page as its visitor does."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return Page(
        url=url,
        status=status,
        forms=reader.forms,
        links=reader.links,
        figures=reader.figures,
        text=" ".join(" ".join(reader.text).split()),
        kinds=reader.kinds,
    )
