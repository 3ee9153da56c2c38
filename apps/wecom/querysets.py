from datetime import datetime
from typing import Self
from uuid import UUID

from django.db import models
from django.db.models import F


class RawCallbackQuerySet(models.QuerySet):
    def open(self) -> Self:
        """Neither done nor given up."""
        return self.filter(status__in=["received", "processing"])

    def due(self, *, now: datetime) -> Self:
        """Open and not waiting for a later attempt."""
        return self.open().filter(not_before__lte=now)

    def held_by(self, *, token: UUID) -> Self:
        return self.filter(lease_token=token)

    def mark_processing(self) -> int:
        """Counted when it begins, so that a worker that dies in the middle counts too."""
        return self.update(status="processing", attempts=F("attempts") + 1)

    def put_back(self, *, now: datetime) -> int:
        """As if they had just come in."""
        return self.update(
            status="received", attempts=0, not_before=now, handled_at=None, last_error=""
        )
