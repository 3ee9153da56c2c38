"""Every outbox keeps the manner that docs/house.md tells of."""

import pytest
from django.apps import apps
from django.db.models import UniqueConstraint

from apps.core.models import Outgoing, OutgoingOnce
from apps.core.outbox import OutboxQuerySet

OUTBOXES = [model for model in apps.get_models() if issubclass(model, Outgoing)]
ONCE = [model for model in OUTBOXES if issubclass(model, OutgoingOnce)]

each = pytest.mark.parametrize("model", OUTBOXES, ids=lambda model: model._meta.label)


@each
def test_an_outbox_says_itself_what_is_due(model):
    assert isinstance(model._default_manager.all(), OutboxQuerySet)


@each
def test_what_is_due_is_found_by_an_index_of_what_waits(model):
    assert any(
        index.condition is not None and index.fields[0] in ("not_before", "expires_at")
        for index in model._meta.indexes
    )


@each
def test_one_effect_has_one_row(model):
    columns = [field for field in model._meta.fields if field.unique and not field.primary_key]
    rules = [rule for rule in model._meta.constraints if isinstance(rule, UniqueConstraint)]
    assert columns or rules


@pytest.mark.parametrize("model", ONCE, ids=lambda model: model._meta.label)
def test_what_may_not_be_repeated_can_be_unknown(model):
    assert "unknown" in dict(model._meta.get_field("state").choices)
