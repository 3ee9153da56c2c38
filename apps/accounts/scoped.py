"""Questions within what an actor may see, written once as `apps.core.compiled` writes them."""

from collections.abc import Callable
from typing import Any

from django.db.models import DateField, QuerySet

from apps.accounts.actor import Actor
from apps.core.compiled import Compiled, Place

Shape = tuple[bool, bool, int, int]


def _shape(actor: Actor) -> Shape:
    """What a rule may look at when it writes the question: how many ids, never which."""
    regions, stores = len(actor.region_ids), len(actor.store_ids)
    return actor.sees_all, actor.guide_id is not None, regions, stores


def _values(actor: Actor) -> dict[str, Any]:
    """The actor's ids and day by the places they go to."""
    found: dict[str, Any] = {"own_guide": actor.guide_id or 0, "own_day": actor.on}
    found |= {f"region_{n}": pk for n, pk in enumerate(actor.region_ids)}
    return found | {f"store_{n}": pk for n, pk in enumerate(actor.store_ids)}


# numbers no row has: a rule takes them for ids
_GUIDE, _REGION, _STORE = -9_100_000_000, -9_200_000_000, -9_300_000_000
# where a rule asks about the actor's day
_DAY: Any = Place("own_day", DateField())


def _stand_in(shape: Shape) -> tuple[Actor, dict[int, str]]:
    """An actor of this shape, and which place each of the numbers stands for that are its ids."""
    sees_all, in_store, regions, stores = shape
    places = {_REGION - n: f"region_{n}" for n in range(regions)}
    places |= {_STORE - n: f"store_{n}" for n in range(stores)}
    actor = Actor(
        sees_all=sees_all,
        guide_id=_GUIDE if in_store else None,
        region_ids=frozenset(_REGION - n for n in range(regions)),
        store_ids=frozenset(_STORE - n for n in range(stores)),
        on=_DAY,
    )
    return actor, {**places, _GUIDE: "own_guide"}


class Scoped:
    """A `Compiled` for each size of scope. The builder asks `visible_to` and its like of the actor
    it is given, who has numbers of nobody for ids and a place for the day: the rule itself stays
    where it is. A rule that reads the clock cannot be asked here."""

    def __init__(self, build: Callable[[Actor], QuerySet[Any, Any]]) -> None:
        self._build = build
        self._written: dict[Shape, Compiled] = {}

    def _of(self, actor: Actor) -> Compiled:
        shape = _shape(actor)
        if shape not in self._written:  # two threads may both write it: the same
            actor_of_shape, places = _stand_in(shape)
            self._written[shape] = Compiled(lambda: self._build(actor_of_shape), places)
        return self._written[shape]

    def statement(self, actor: Actor, **values: Any) -> tuple[str, tuple[Any, ...]]:
        """The SQL and its parameters, to stand in a larger statement; "" if nothing is to ask."""
        return self._of(actor).statement(**_values(actor), **values)

    def rows(self, actor: Actor, **values: Any) -> list[Any]:
        """The model rows this actor may see."""
        return self._of(actor).rows(**_values(actor), **values)

    def tuples(self, actor: Actor, **values: Any) -> list[tuple[Any, ...]]:
        """The same of a queryset that ends in `values_list`."""
        return self._of(actor).tuples(**_values(actor), **values)
