"""搭配: what a guide put together, what goes into a new look, and what came of each."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from django.db.models import Case, Value, When
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from apps.accounts.actor import Actor
from apps.core.shown import Shown
from apps.guide_portal.cards import Chip, Person, person_of, size_words
from apps.guide_portal.customers import own_word, served
from apps.guide_tasks.services.personal import reach_of
from apps.looks.models import Look
from apps.looks.selectors import (
    SHOWN,
    Results,
    Sent,
    own_pieces,
    pieces_of,
    results_of,
    sent_to,
    suited_to,
)
from apps.looks.services import LEAST, MOST
from apps.members.models import Member
from apps.members.selectors import survivor_group
from apps.orders.models import Product
from apps.orders.selectors import find_products, orders_of
from apps.outreach.models import DispatchRecipient

_BOUGHT_SHOWN = 3


@dataclass(frozen=True, slots=True)
class LookCard(Shown):
    """A look as it stands in a list."""

    look: Look
    is_own: bool
    by: str
    pieces: list[Product]
    total_fen: int
    words: str


@dataclass(frozen=True, slots=True)
class Choice(Shown):
    """A product with the address that puts it into the look, or takes it out."""

    product: Product
    words: str
    href: str


@dataclass(frozen=True, slots=True)
class MakingPage:
    """`person`: whom the look is made for; `bought`: what TA bought last, in words."""

    person: Person | None
    bought: list[str]
    chosen: list[Choice]
    shelves: list[tuple[str, list[Choice]]]
    words: str
    ids: list[int]
    ready: bool
    full: bool


@dataclass(frozen=True, slots=True)
class Receiver(Shown):
    person: Person | None
    asked_at: datetime
    chip: Chip


@dataclass(frozen=True, slots=True)
class SendingPage:
    """`refusal`: why this guide may write to TA at no time now."""

    person: Person
    refusal: str
    cards: list[LookCard]


def price_words(product: Product) -> str:
    parts = [product.colour, size_words(product.size), f"¥{product.tag_price_fen / 100:,.0f}"]
    return " · ".join(filter(None, parts))


def cards_of(*, actor: Actor) -> list[LookCard]:
    """The guide's own looks first, then the store's; four queries, whatever their number."""
    not_own = Case(When(guide_id=actor.guide_id, then=Value(0)), default=Value(1))
    looks = list(
        Look.objects.visible_to(actor)
        .told_apart(actor)
        .select_related("guide")
        .prefetch_related("items__product")
        .order_by(not_own, "-created_at", "-pk")[:SHOWN]
    )
    found = results_of(look_ids=[look.pk for look in looks])
    return [card_of(look, found.get(look.pk, Results()), actor) for look in looks]


def card_of(look: Look, results: Results, actor: Actor) -> LookCard:
    pieces = pieces_of(look)
    return LookCard(
        look=look,
        is_own=look.guide_id == actor.guide_id,
        by=own_word(look.guide_id, look.guide.name, actor),
        pieces=pieces,
        total_fen=sum(piece.tag_price_fen for piece in pieces),
        words=results_words(results),
    )


def results_words(results: Results) -> str:
    if not results.asked:
        return _("Sent to nobody yet")
    values = {
        "delivered": results.delivered,
        "opened": results.opened,
        "bought": results.bought,
    }
    words = _("%(delivered)s delivered · %(opened)s opened · %(bought)s bought") % values
    waiting = results.asked - results.delivered
    return words + (" · " + _("%(n)s not confirmed") % {"n": waiting} if waiting > 0 else "")


def receivers(*, look: Look, actor: Actor) -> list[Receiver]:
    """To whom the guide sent it. Who is no longer theirs stands there without a name."""
    rows = sent_to(look_id=look.pk)
    ids = [row.member_id for row in rows]
    people = served(actor).filter(pk__in=ids).in_bulk()
    return [_receiver(row, people.get(row.member_id)) for row in rows]


def _receiver(row: Sent, member: Member | None) -> Receiver:
    return Receiver(
        person=person_of(member) if member else None,
        asked_at=row.asked_at,
        chip=_chip(row),
    )


def _chip(row: Sent) -> Chip:
    if row.bought:
        return Chip("bag", _("Bought"), "ok")
    if row.opened:
        return Chip("ok", _("Opened"), "ok")
    state = DispatchRecipient.State(row.state)
    if state == DispatchRecipient.State.DELIVERED:
        return Chip("send", _("Delivered"), "ok")
    if state == DispatchRecipient.State.WAITING:
        return Chip("clock", _("Confirm it in WeCom"), "wait")
    return Chip("skip", str(state.label), "")


def sending_page(*, member: Member, actor: Actor, now: datetime) -> SendingPage:
    reach = reach_of(member=member, guide_id=actor.guide_id or 0, now=now, marketing=True)
    return SendingPage(person_of(member), reach.refusal, cards_of(actor=actor))


# --- putting one together -------------------------------------------------------------------------


def making_page(
    *, ids: Sequence[int], words: str, member: Member | None, actor: Actor
) -> MakingPage:
    """`ids`: what is in it so far. Every piece is a link: the page works without scripts."""
    found = Product.objects.in_bulk(list(ids))
    chosen = [found[pk] for pk in dict.fromkeys(ids) if pk in found][:MOST]
    kept = [product.pk for product in chosen]
    extra = {"for": str(member.public_id)} if member else {}
    shelves = [(pgettext("goods", "Found"), find_products(words=words))] if words else []
    if member is not None:
        shelves.append((_("Suits TA: the kind TA buys, TA's size first"), suited_to(member=member)))
    shelves.append((_("You used these lately"), own_pieces(guide_id=actor.guide_id or 0)))
    return MakingPage(
        person=person_of(member) if member else None,
        bought=_bought(member) if member else [],
        chosen=[_choice(one, [pk for pk in kept if pk != one.pk], extra) for one in chosen],
        shelves=[
            (head, [_choice(one, [*kept, one.pk], extra) for one in products if one.pk not in kept])
            for head, products in shelves
        ],
        words=words,
        ids=kept,
        ready=LEAST <= len(kept) <= MOST,
        full=len(kept) >= MOST,
    )


def _choice(product: Product, ids: Sequence[int], extra: dict[str, str]) -> Choice:
    query = urlencode({**extra, "p": ids}, doseq=True)
    return Choice(product, price_words(product), f"?{query}")


def _bought(member: Member) -> list[str]:
    orders = orders_of(member_ids=survivor_group(member.pk), limit=_BOUGHT_SHOWN)
    lines = [line for order in orders for line in order.lines if line.quantity > 0]
    words = [
        " ".join(filter(None, (line.product, line.colour, size_words(line.size)))) for line in lines
    ]
    return list(dict.fromkeys(filter(None, words)))[:_BOUGHT_SHOWN]
