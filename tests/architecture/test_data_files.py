import hashlib
import re
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
SUM = re.compile(r"\b[0-9a-f]{64}\b")
FOLDERS = [
    folder
    for folder in (PROJECT / "tests" / "data", PROJECT / "apps" / "hq" / "demo" / "data")
    if folder.exists()
]


def _rows(folder):
    """The rows of the README's table that carry a sum: cells by file name."""
    for line in (folder / "README.md").read_text().splitlines():
        cells = [cell.strip().strip("`") for cell in line.strip("| ").split("|")]
        if line.startswith("|") and SUM.search(line):
            yield cells[0], cells


def _is_licence(path):
    return path.suffix == ".txt" or "licences" in path.parts


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.parent.name)
def test_every_data_file_is_listed_with_its_sum(folder):
    listed = {name: SUM.search(" ".join(cells)).group() for name, cells in _rows(folder)}
    present = {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file() and path.name != "README.md" and not _is_licence(path)
    }

    assert present
    assert present == listed


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.parent.name)
def test_every_data_file_names_its_licence(folder):
    words = re.compile(r"MIT|BSD|Apache|CC0|CC BY|ANUOS|public domain")

    assert all(words.search(" ".join(cells)) for _name, cells in _rows(folder))


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.parent.name)
def test_a_licence_text_is_named_where_it_counts(folder):
    readme = (folder / "README.md").read_text()

    assert [p.name for p in folder.rglob("*.txt") if p.name not in readme] == []
