"""How a view says that anybody may call it. The URL guard test reads the mark."""

from collections.abc import Callable
from typing import Any

from django.http import HttpResponseBase

View = Callable[..., HttpResponseBase]


def public(view: View) -> View:
    """Mark a view that anybody may call: health, callbacks with their own proof, customers'
    links."""
    marked: Any = view
    marked.is_public = True
    return view
