"""A key's scope cannot grow by the loss of what bounds it."""

import pytest
from django.db.models import ProtectedError

from apps.accounts.capabilities import Capability
from apps.accounts.services import create_api_key
from apps.core import clock
from apps.stores.models import ScopeGrant
from apps.stores.selectors import actor_for_api_key
from tests.factories.facts import make_store

pytestmark = pytest.mark.django_db


def test_a_store_that_bounds_a_key_cannot_be_deleted():
    store = make_store()
    key, _secret = create_api_key(
        name="till", scopes=[Capability.API_WRITE_ORDERS], created_by=None
    )
    ScopeGrant.objects.create(api_key=key, store=store)

    with pytest.raises(ProtectedError):
        store.delete()

    actor = actor_for_api_key(api_key=key, now=clock.now())
    assert not actor.sees_all
    assert actor.store_ids == {store.pk}


@pytest.mark.parametrize("chain_wide", [True, False])
def test_a_key_without_a_place_sees_the_chain_only_when_it_says_so(chain_wide):
    key, _secret = create_api_key(
        name="mall",
        scopes=[Capability.API_WRITE_ORDERS],
        created_by=None,
        chain_wide=chain_wide,
    )

    actor = actor_for_api_key(api_key=key, now=clock.now())

    assert actor.sees_all is chain_wide
    assert actor.store_ids | actor.region_ids == frozenset()
