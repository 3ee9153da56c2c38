"""Where photos of complaints lie."""

from typing import Any

from apps.core import photos


def place(instance: Any, filename: str) -> str:
    return photos.place("complaints", filename)
