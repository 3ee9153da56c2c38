"""Projects under the GPL may be read for ideas: none is copied, and none is needed to run this."""

import re
import tomllib
from importlib import metadata
from pathlib import Path

from tests.architecture.test_repository import _texts

PROJECT = Path(__file__).resolve().parents[2]
# a licence of ours to choose stands beside it
OTHER_LICENCE = {"text-unidecode"}
# spelled in pieces: this file is searched as well
MARKS = re.compile(
    "|".join(("GNU " + "General Public", "GNU " + "Affero", "SPDX-" + "License-Identifier"))
)
NAME = re.compile(r"^[A-Za-z0-9._-]+")


def needed():
    """Packages that the running product needs, with theirs."""
    wanted = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]["dependencies"]
    queue, seen = [NAME.match(line).group().lower() for line in wanted], set()
    while queue:
        name = queue.pop()
        if name in seen:
            continue
        seen.add(name)
        try:
            requires = metadata.requires(name) or []
        except metadata.PackageNotFoundError:  # for another system or Python
            continue
        queue += [NAME.match(line).group().lower() for line in requires if "extra ==" not in line]
    return seen


def licence(name):
    try:
        found = metadata.metadata(name)
    except metadata.PackageNotFoundError:
        return ""
    classifiers = [one for one in found.get_all("Classifier") or [] if one.startswith("License")]
    said = [found.get("License-Expression") or "", (found.get("License") or "")[:80], *classifiers]
    return " ".join(said)


def test_nothing_the_product_runs_with_is_under_the_gpl():
    names = needed() - OTHER_LICENCE

    assert len(names) > 20
    guilty = {name: licence(name) for name in names}
    assert {name for name, said in guilty.items() if re.search(r"(?<!L)(?<!Lesser )A?GPL", said)
            and "Lesser" not in said} == set()  # fmt: skip


def test_no_file_carries_another_projects_licence():
    """A file copied from such a project would bring its head along; test data name theirs."""
    found = [
        name for name, text in _texts() if MARKS.search(text) and not name.startswith("tests/data/")
    ]

    assert found == []
