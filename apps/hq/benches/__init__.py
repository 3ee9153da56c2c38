"""Speed claims: each module here registers a bench, `manage.py bench` runs it on a scratch cluster.

    @bench("hand_out", {"--guides": 2000, "--targets": 1_000_000})
    def hand_out(options: Options, say: Say) -> list[Result]: ...

The floor is measured in the same run, by the bench itself; `ratio` is value to floor, arranged so
that 1 means "as fast as the floor" and more means slower.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

Say = Callable[[str], None]
Options = Mapping[str, Any]


@dataclass(frozen=True)
class Result:
    """One figure. `value` and `floor` are in `unit`; no floor means nothing to compare with."""

    what: str
    unit: str
    value: float
    floor: float | None = None
    ratio: float | None = None


@dataclass(frozen=True)
class Bench:
    name: str
    arguments: Mapping[str, int]
    run: Callable[[Options, Say], list[Result]]


_known: dict[str, Bench] = {}


def bench(
    name: str, arguments: Mapping[str, int]
) -> Callable[[Callable[[Options, Say], list[Result]]], Callable[[Options, Say], list[Result]]]:
    """Register a bench: its name and its integer options (flag → default) are its size."""

    def register(run: Callable[[Options, Say], list[Result]]) -> Any:
        _known[name] = Bench(name, arguments, run)
        return run

    return register


def discover() -> dict[str, Bench]:
    """Every bench, by name."""
    for module in iter_modules(__path__):
        import_module(f"{__name__}.{module.name}")
    return dict(_known)
