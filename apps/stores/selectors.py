"""Reads of the place: who an actor is, and where somebody works."""

from datetime import datetime

from apps.accounts.actor import NOBODY, Actor
from apps.accounts.capabilities import Capability, Role
from apps.accounts.models import ApiKey, User
from apps.core import clock
from apps.stores.models import Guide, Posting, ScopeGrant

# Head office sees every row; these two roles see what a posting or a grant gives them.
_SEES_ALL = frozenset({Role.HQ_ADMIN, Role.HQ_OPERATOR, Role.AUDITOR})


def _granted(**holder: int) -> tuple[frozenset[int], frozenset[int]]:
    rows = list(ScopeGrant.objects.filter(**holder).values_list("region_id", "store_id"))
    regions = frozenset(region for region, _store in rows if region is not None)
    stores = frozenset(store for _region, store in rows if store is not None)
    return regions, stores


def actor_for(*, user: User, now: datetime) -> Actor:
    """The actor behind a signed-in person: capabilities of the role, rows of posting and grants."""
    if not user.is_active:
        return NOBODY
    day = clock.business_day(now)
    if user.is_superuser or user.role in _SEES_ALL:
        return Actor(
            user_id=user.pk,
            role=user.role,
            name=user.get_full_name(),
            capabilities=user.capabilities,
            sees_all=True,
            on=day,
        )
    regions, stores = _granted(user_id=user.pk)
    guide_id = None
    posting = (
        Posting.objects.on(day)
        .filter(guide__user_id=user.pk, guide__status=Guide.Status.ACTIVE)
        .values_list("guide_id", "store_id", "role")
        .first()
    )
    if posting is not None:
        guide_id, store_id, role = posting
        if role == Posting.PostingRole.STORE_MANAGER:
            stores |= {store_id}
    elif user.role in (Role.GUIDE, Role.STORE_MANAGER):
        return NOBODY  # who left, or is posted nowhere today, has no business here
    return Actor(
        user_id=user.pk,
        role=user.role,
        name=user.get_full_name(),
        capabilities=user.capabilities,
        region_ids=regions,
        store_ids=stores,
        guide_id=guide_id,
        on=day,
    )


def actor_for_api_key(*, api_key: ApiKey, now: datetime) -> Actor:
    """The actor behind a key. Without a grant a key is the whole chain's (the mall, the ERP)."""
    regions, stores = _granted(api_key_id=api_key.pk)
    return Actor(
        api_key_id=api_key.pk,
        role="api_key",
        name=api_key.name,
        capabilities=frozenset(Capability(scope) for scope in api_key.scopes),
        sees_all=not (regions or stores),
        region_ids=regions,
        store_ids=stores,
        on=clock.business_day(now),
    )
