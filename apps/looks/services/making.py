"""A guide puts a look together, or takes a colleague's."""

import re
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _

from apps.accounts.actor import Actor
from apps.core import clock, pii
from apps.core.locks import take_turn
from apps.looks.errors import NotPosted, NumberInLook, PieceGone, WrongNumber
from apps.looks.models import Look, LookItem
from apps.looks.selectors import pieces_of
from apps.orders.models import Product
from apps.stores.models import Posting

LEAST, MOST = 2, 5
_ID_CARD = re.compile(r"(?<!\d)\d{17}[\dXx](?!\d)|(?<!\d)\d{15}(?!\d)")


@transaction.atomic
def make_look(
    *,
    title: str,
    words: str,
    product_ids: Sequence[int],
    actor: Actor,
    now: datetime,
    client_id: UUID,
    copied_from: Look | None = None,
) -> Look:
    """Keep a look of these pieces, in their order. The same client id is the same look.

    Raises WrongNumber, PieceGone, NumberInLook, NotPosted.
    """
    assert actor.guide_id is not None
    take_turn(str(client_id))
    known = Look.objects.filter(client_id=client_id, guide_id=actor.guide_id).first()
    if known is not None:
        return known
    ids = list(dict.fromkeys(product_ids))
    if not LEAST <= len(ids) <= MOST:
        raise WrongNumber(str(WrongNumber.message) % {"least": LEAST, "most": MOST})
    if Product.objects.filter(pk__in=ids).count() < len(ids):
        raise PieceGone
    _demand_no_number(f"{title} {words}")
    here = Posting.objects.on(clock.business_day(now)).filter(guide_id=actor.guide_id).first()
    if here is None:
        raise NotPosted
    look = Look.objects.create(
        guide_id=actor.guide_id,
        store_id=here.store_id,
        title=title.strip() or _("A look for you"),
        words=words.strip(),
        copied_from=copied_from,
        client_id=client_id,
        created_at=now,
    )
    LookItem.objects.bulk_create(
        LookItem(look=look, product_id=pk, place=place) for place, pk in enumerate(ids)
    )
    return look


@transaction.atomic
def copy_look(*, look: Look, actor: Actor, now: datetime, client_id: UUID) -> Look:
    """A colleague's look as one's own: what comes of it is counted for who sends it."""
    return make_look(
        title=look.title,
        words=look.words,
        product_ids=[piece.pk for piece in pieces_of(look)],
        actor=actor,
        now=now,
        client_id=client_id,
        copied_from=look,
    )


@transaction.atomic
def own_look(*, look: Look, actor: Actor, now: datetime, client_id: UUID) -> Look:
    """The look as this guide sends it: a colleague's is taken over first, once for each store."""
    assert actor.guide_id is not None
    if look.guide_id == actor.guide_id:
        return look
    take_turn(f"look:{look.pk}:{actor.guide_id}")
    here = Posting.objects.on(clock.business_day(now)).filter(guide_id=actor.guide_id)
    taken = Look.objects.filter(copied_from=look, guide_id=actor.guide_id)
    mine = taken.filter(store_id__in=here.values("store_id")).order_by("-pk").first()
    return mine or copy_look(look=look, actor=actor, now=now, client_id=client_id)


def _demand_no_number(text: str) -> None:
    if pii.holds_phone(text) or _ID_CARD.search(pii.plain_digits(text)):
        raise NumberInLook
