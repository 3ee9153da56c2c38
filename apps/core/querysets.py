"""Shared helpers for work in sets."""

from collections.abc import Iterable, Iterator
from itertools import islice


def chunked_ids(ids: Iterable[int], *, size: int = 1000) -> Iterator[list[int]]:
    """Cut ids into lists of at most `size`."""
    source = iter(ids)
    while chunk := list(islice(source, size)):
        yield chunk
