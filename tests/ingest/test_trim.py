"""Kept answers do not stay for ever."""

from datetime import timedelta

import pytest

from apps.accounts.services import create_api_key
from apps.core import clock
from apps.ingest import services
from apps.ingest.models import IdempotencyRecord

pytestmark = pytest.mark.django_db


def keep(key, days, number):
    record = IdempotencyRecord.objects.create(
        api_key=key, key=f"k{number}", path="/x", request_hash=b"h", status=200, response={}
    )
    IdempotencyRecord.objects.filter(pk=record.pk).update(
        created_at=clock.now() - timedelta(days=days)
    )


def test_old_answers_go_in_batches_and_young_ones_stay(monkeypatch, settings):
    settings.IDEMPOTENCY_DAYS = 30
    monkeypatch.setattr(services, "_TRIM_BATCH", 2)
    key, _raw = create_api_key(name="till", scopes=[], created_by=None)
    for number, days in enumerate((31, 29, 45, 90, 0, 300)):
        keep(key, days, number)

    assert services.trim_idempotency(now=clock.now()) == 4

    assert set(IdempotencyRecord.objects.values_list("key", flat=True)) == {"k1", "k4"}
    assert services.trim_idempotency(now=clock.now()) == 0
