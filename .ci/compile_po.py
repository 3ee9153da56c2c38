"""Compile one catalogue with Babel: `python .ci/compile_po.py FROM.po TO.mo`."""

import sys
from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

source, target = map(Path, sys.argv[1:])
with source.open("rb") as file, target.open("wb") as out:
    write_mo(out, read_po(file, locale=source.parent.parent.name))
