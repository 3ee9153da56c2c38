"""The one description of who is asking, built once per request and handed to every rule."""

from dataclasses import dataclass, field
from datetime import date

from apps.accounts.capabilities import Capability


@dataclass(frozen=True, slots=True)
class Actor:
    """A person or an API key with what they may do and the rows they may see.

    `sees_all` is head office; otherwise the id sets below bound every queryset. `guide_id` is set
    for somebody who works in a store, `corp_id` is the WeCom corp they are in; `store_ids` are
    stores they lead or were granted. `on` is the business day of the request: postings and
    relations are read as of then.
    """

    user_id: int | None = None
    api_key_id: int | None = None
    role: str = ""
    name: str = ""
    capabilities: frozenset[Capability] = frozenset()
    sees_all: bool = False
    region_ids: frozenset[int] = field(default_factory=frozenset)
    store_ids: frozenset[int] = field(default_factory=frozenset)
    guide_id: int | None = None
    corp_id: str = ""
    on: date = date.min

    def can(self, capability: Capability) -> bool:
        """True if this actor holds the capability."""
        return capability in self.capabilities

    @property
    def label(self) -> str:
        """Short stable name for audit rows and events; holds ids, never a name."""
        if self.guide_id is not None:
            return f"guide:{self.guide_id}"
        if self.user_id is not None:
            return f"user:{self.user_id}"
        if self.api_key_id is not None:
            return f"api_key:{self.api_key_id}"
        return "system"


NOBODY = Actor()
SYSTEM = Actor(role="system", sees_all=True, capabilities=frozenset(Capability))
