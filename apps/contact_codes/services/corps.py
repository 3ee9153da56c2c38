"""Whose WeCom a code is made in: that of the people who receive by it."""

from collections.abc import Collection

from apps.contact_codes.errors import CorpsMixed
from apps.stores.models import Guide, Store
from apps.wecom.client import default_corp
from apps.wecom.selectors import active_corps


def corp_of(*, guide_ids: Collection[int], store_id: int | None) -> str:
    """The corp of these guides and the store; where they name none, the one that was connected
    first. Raises CorpsMixed, CorpNotConfigured."""
    corps = _corps_of(guide_ids, store_id)
    if len(corps) > 1:
        raise CorpsMixed()
    return corps.pop() if corps else default_corp().corp_id


def stay_within(corp_id: str, *, guide_ids: Collection[int], store_id: int | None) -> None:
    """Whoever receives by a code of this corp is in it: the same account name in another corp is
    another person, and WeCom would give them the customers. Raises CorpsMixed."""
    if _corps_of(guide_ids, store_id) - {corp_id}:
        raise CorpsMixed()


def _corps_of(guide_ids: Collection[int], store_id: int | None) -> set[str]:
    corps = set(Guide.objects.filter(pk__in=guide_ids).values_list("corp_id", flat=True))
    if store_id is not None:
        store = Store.objects.filter(pk=store_id).exclude(corp_id="")
        corps |= set(store.values_list("corp_id", flat=True))
    return corps


def named_by_its_stores(corp_id: str) -> list[str]:
    """What the corp's stores say whose they are; those of the first may name none."""
    corps = active_corps()
    first = not corps or corps[0].corp_id == corp_id
    return [corp_id, ""] if first else [corp_id]
