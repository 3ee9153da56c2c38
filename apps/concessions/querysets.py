"""Which concessions an actor may see, and which wait for the actor's word."""

from collections.abc import Collection
from typing import Self

from apps.stores.querysets import AskedQuerySet


class ConcessionQuerySet(AskedQuerySet):
    def of_members(self, member_ids: Collection[int]) -> Self:
        return self.filter(member_id__in=member_ids)
