"""Where photos of displays lie."""

from typing import Any

from apps.core import photos


def place(instance: Any, filename: str) -> str:
    return photos.place("items", filename)
