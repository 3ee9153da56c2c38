"""Translations without gettext's tools: Babel extracts and compiles, rooms bring their Chinese.

Rooms write `locale/parts/<room>.po`; `build` merges them with what the sources say into the one
catalogue of the repository.
"""

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import IO, Any

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir, extract_python
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from django.utils.translation.template import templatize

LOCALE = "zh_Hans"
DOMAIN = "django"
_METHODS = [
    ("apps/wecom_simulator/**", "ignore"),
    ("**/migrations/**", "ignore"),
    ("apps/**.py", "apps.core.catalogue:extract_source"),
    ("scrm/**.py", "apps.core.catalogue:extract_source"),
    ("apps/**/templates/**.html", "apps.core.catalogue:extract_template"),
    ("templates/**.html", "apps.core.catalogue:extract_template"),
    ("templates/**.txt", "apps.core.catalogue:extract_template"),
]
_KEYWORDS = {
    "_": None,
    "gettext": None,
    "gettext_lazy": None,
    "gettext_noop": None,
    "ngettext": (1, 2),
    "ngettext_lazy": (1, 2),
    "pgettext": ((1, "c"), 2),
    "pgettext_lazy": ((1, "c"), 2),
    "npgettext": ((1, "c"), 2, 3),
    "npgettext_lazy": ((1, "c"), 2, 3),
}


@dataclass
class Outcome:
    """What a merge found."""

    catalogue: Catalog
    missing: list[str] = field(default_factory=list)
    conflicts: list[str] = field(default_factory=list)


def extract_source(
    fileobj: IO[bytes], keywords: Any, comment_tags: Any, options: Any
) -> Iterator[Any]:
    """Babel's extractor for Python, and the calls inside f-strings: until Python 3.12 such a string
    is one token, and Babel looks into none."""
    source = fileobj.read()
    yield from extract_python(BytesIO(source), keywords, comment_tags, options)
    inside = "\n".join(
        ast.unparse(call)
        for string in ast.walk(ast.parse(source))
        if isinstance(string, ast.JoinedStr)
        for call in ast.walk(string)
        if isinstance(call, ast.Call) and getattr(call.func, "id", "") in keywords
    )
    yield from extract_python(BytesIO(inside.encode()), keywords, comment_tags, options)


def extract_template(
    fileobj: IO[bytes], keywords: Any, comment_tags: Any, options: Any
) -> Iterator[Any]:
    """Babel's extractor for templates: Django turns one into gettext calls, Babel reads them."""
    source = templatize(fileobj.read().decode())
    # outside calls templatize leaves X and S in place of text; only whole calls are Python
    lines: list[bytes] = []
    for line in source.splitlines():
        lines.append(("; ".join(_calls(line))).encode())
    yield from extract_python(BytesIO(b"\n".join(lines)), keywords, comment_tags, options)


def _calls(line: str) -> Iterable[str]:
    """The gettext calls in a line of templatize's output."""
    for name in ("gettext", "ngettext", "pgettext", "npgettext", "_"):
        position = 0
        while (start := line.find(f"{name}(", position)) >= 0:
            position = start + 1
            if start and (line[start - 1].isalnum() or line[start - 1] == "_"):
                continue
            if call := _whole_call(line[start:]):
                yield call


def _whole_call(text: str) -> str | None:
    end = text.find(")")
    while end >= 0:
        try:
            ast.parse(text[: end + 1], mode="eval")
        except SyntaxError:
            end = text.find(")", end + 1)
            continue
        return text[: end + 1]
    return None


def extract(project: Path) -> Catalog:
    """Every message of the sources, with where it stands."""
    catalogue = Catalog(locale=LOCALE, domain=DOMAIN, fuzzy=False)
    found = extract_from_dir(
        str(project),
        method_map=_METHODS,
        keywords=_KEYWORDS,
        comment_tags=(),
        directory_filter=_is_ours,
    )
    for filename, _line, message, _comments, context in found:
        # line numbers would change the catalogue with every edit
        catalogue.add(message, None, [(filename, 0)], context=context)
    return catalogue


def _is_ours(folder: str) -> bool:
    name = Path(folder).name
    return not name.startswith(".") and name not in {"node_modules", "tests", "locale", "static"}


def read(path: Path) -> Catalog:
    with path.open("rb") as file:
        return read_po(file, locale=LOCALE)


def _key(message: Message) -> tuple[str, str | None]:
    text = message.id if isinstance(message.id, str) else message.id[0]
    return text, message.context


def _translated(message: Message) -> bool:
    parts = [message.string] if isinstance(message.string, str) else list(message.string or [])
    return bool(parts) and all(parts)


def _collect(paths: Iterable[Path], outcome: Outcome) -> dict[tuple[str, str | None], Any]:
    known: dict[tuple[str, str | None], tuple[Any, Path]] = {}
    for path in paths:
        for message in read(path):
            if not message.id or not _translated(message):
                continue
            before = known.get(_key(message))
            if before and _words(before[0]) != _words(message.string):
                outcome.conflicts.append(f"{_key(message)[0]!r}: {before[1].name}, {path.name}")
            known.setdefault(_key(message), (message.string, path))
    return {key: string for key, (string, _path) in known.items()}


def _words(string: Any) -> str:
    return string if isinstance(string, str) else string[0]


def build(project: Path) -> Outcome:
    """Merge sources and parts; what parts say about packages' strings (Unfold's) is kept."""
    folder = project / "locale"
    target = folder / LOCALE / "LC_MESSAGES" / f"{DOMAIN}.po"
    outcome = Outcome(extract(project))
    paths = sorted((folder / "parts").glob("*.po"))
    if target.exists():
        paths.append(target)
    parts = _collect(paths[: len(paths) - target.exists()], outcome)
    known = {**_collect(paths, Outcome(outcome.catalogue)), **parts}
    for message in outcome.catalogue:
        if not message.id:
            continue
        string = known.get(_key(message))
        if string is None:
            outcome.missing.append(_key(message)[0])
        else:
            message.string = _shaped(message, string)
    for (text, context), string in parts.items():
        if outcome.catalogue.get(text, context) is None:
            outcome.catalogue.add(text, string, [("packages", 0)], context=context)
    return outcome


def _shaped(message: Message, string: Any) -> Any:
    """Chinese has one form: a plural message takes it as its only one, a plain one as text."""
    if isinstance(message.id, str):
        return _words(string)
    return (_words(string),)


def po_bytes(catalogue: Catalog) -> bytes:
    """The catalogue as text, in an order that does not depend on the file system, without dates."""
    buffer = BytesIO()
    write_po(
        buffer,
        catalogue,
        omit_header=True,
        sort_output=True,
        width=100,
        include_lineno=False,
    )
    header = (
        'msgid ""\nmsgstr ""\n"Language: zh_Hans\\n"\n"MIME-Version: 1.0\\n"\n'
        '"Content-Type: text/plain; charset=UTF-8\\n"\n"Content-Transfer-Encoding: 8bit\\n"\n'
        '"Plural-Forms: nplurals=1; plural=0;\\n"\n\n'
    )
    return header.encode() + buffer.getvalue()


def write(project: Path, outcome: Outcome) -> None:
    """Write the catalogue."""
    target = project / "locale" / LOCALE / "LC_MESSAGES" / f"{DOMAIN}.po"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(po_bytes(outcome.catalogue))


def compile_all(project: Path) -> int:
    """Compile every catalogue whose .mo is older; return how many were written."""
    written = 0
    for source in (project / "locale").glob("*/LC_MESSAGES/*.po"):
        target = source.with_suffix(".mo")
        if target.exists() and target.stat().st_mtime >= source.stat().st_mtime:
            continue
        with target.open("wb") as file:
            write_mo(file, read(source))
        written += 1
    return written
