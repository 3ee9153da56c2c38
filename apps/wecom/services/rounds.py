"""One run of a job that calls WeCom: its clock, its clients, the corps that want no call now."""

import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from apps.wecom.client import WeComClient, client_for
from apps.wecom.errors import CorpNotConfigured
from apps.wecom.models import Corp


@dataclass
class Round:
    """The clock goes on from `now` while the run takes its time."""

    now: datetime
    begun: float = field(default_factory=time.monotonic)
    clients: dict[tuple[str, int], WeComClient] = field(default_factory=dict)
    resting: set[str] = field(default_factory=set)  # corps that are not to be called for now

    def moment(self) -> datetime:
        return self.now + timedelta(seconds=time.monotonic() - self.begun)

    def client(self, corp_id: str, place: int = 0) -> WeComClient:
        """One for each call at the same time (`place`): a client holds one connection."""
        if (corp_id, place) not in self.clients:
            corp = Corp.objects.filter(corp_id=corp_id, is_active=True).first()
            if corp is None:
                raise CorpNotConfigured()
            self.clients[corp_id, place] = client_for(corp)
        return self.clients[corp_id, place]
