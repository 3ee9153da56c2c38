"""留货 and 调货 as both stores' people see them: what waits for whose word, and who gets what."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

from apps.accounts.actor import Actor
from apps.accounts.scoped import Scoped
from apps.core import clock
from apps.core.hours import for_cards
from apps.core.shown import Shown
from apps.guide_portal import links
from apps.guide_portal.appointments import is_own, shown_name, survivor_of
from apps.guide_portal.cards import Chip, person_of, size_words
from apps.guide_portal.customers import Row as CustomerRow
from apps.guide_portal.customers import find_customer, own_word, rows_of, served
from apps.guide_portal.templatetags.portal import hour_minute, month_day, yuan
from apps.members.models import Interaction
from apps.orders.models import Product
from apps.stock.models import (
    Kind,
    Reason,
    State,
    StockRequest,
    StockRequestMove,
    StockTerms,
)
from apps.stock.services import REFUSALS, WITHDRAWALS
from apps.stock.services.answering import leads
from apps.stock.services.ending import BY_TILL
from apps.stores.models import Posting, Store
from apps.stores.selectors import who_behind

LISTED, ENDED_LISTED = 100, 20
ENDED = timedelta(days=7)
RECENT, RECENT_DAYS = 8, timedelta(days=7)
_WAITING = (State.ASKED, State.AGREED)
_LOOKS = {
    State.ASKED: ("clock", "warn"),
    State.AGREED: ("clock", "warn"),
    State.HELD: ("ok", "ok"),
    State.SENT: ("send", "wait"),
    State.ARRIVED: ("ok", "ok"),
    State.SOLD: ("ok", "ok"),
    State.REFUSED: ("skip", ""),
    State.WITHDRAWN: ("skip", ""),
    State.LAPSED: ("skip", ""),
}


@dataclass(frozen=True, slots=True)
class Line(Shown):
    """A request of the list. `asks`: the actor's store has to answer."""

    pk: int
    href: str
    head: str
    words: str
    until: str
    chip: Chip
    asks: bool
    # who gets what: read before the tap
    split: str


@dataclass(frozen=True, slots=True)
class Part(Shown):
    head: str
    lines: list[Line]
    more: str = ""


@dataclass(frozen=True, slots=True)
class Step(Shown):
    words: str
    at: datetime
    who: str


@dataclass(frozen=True, slots=True)
class Detail(Shown):
    """One request; what may be done with it now, and by whom."""

    pk: int
    goods: str
    sku: str
    kind: str
    name: str
    # "" where TA's card is not the actor's to open
    card: str
    asking: str
    giving: str
    split: str
    result: str
    chip: Chip
    until: str
    reason: str
    steps: list[Step]
    may_confirm: bool
    waits_for_manager: bool
    waits_for_region: bool
    may_refuse: bool
    may_send: bool
    may_receive: bool
    may_withdraw: bool
    refusals: list[tuple[str, str]]
    withdrawals: list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Offer(Shown):
    """One of the two ways, with what it means and who gets what: read before the tap."""

    kind: str
    percent: int
    head: str
    words: str
    split: str
    button: str


def goods_words(product: Product) -> str:
    return " ".join(filter(None, [product.name, product.colour, size_words(product.size)]))


def split_words(percent: int, giving: str) -> str:
    return _("Of the sale: you %(yours)s%%, %(store)s %(theirs)s%%") % {
        "yours": 100 - percent,
        "store": giving,
        "theirs": percent,
    }


# --- asking ---------------------------------------------------------------------------------------


def offers(*, store: Store, own: Store | None, terms: StockTerms) -> list[Offer]:
    hold = _("TA comes to %(store)s, which keeps it for %(hours)s hours after its yes") % {
        "store": store.name,
        "hours": terms.hold_hours,
    }
    send = _("It comes here within %(travel)s hours and is kept for %(hours)s more") % {
        "travel": terms.travel_hours,
        "hours": terms.hold_hours,
    }
    if own is not None and terms.needs_region(Kind.SEND, own, store):
        send += _(". The two stores have different owners: the regional manager agrees first")
    ways = [(Kind.HOLD, hold, _("Ask to keep it")), (Kind.SEND, send, _("Ask to send it"))]
    return [
        Offer(
            kind=kind,
            percent=terms.giver_percent(kind),
            head=str(kind.label),
            words=words,
            split=split_words(terms.giver_percent(kind), store.name),
            button=button,
        )
        for kind, words, button in ways
    ]


def limit_words(terms: StockTerms, *, now: datetime) -> str:
    """How long the customer may have to wait; at night the minutes begin in the morning."""
    words, heard_at = [], for_cards(now)
    if heard_at > now:
        words.append(_("That store hears of it at %(time)s.") % {"time": hour_minute(heard_at)})
    words.append(
        _("Without an answer in %(n)s minutes it lapses, and both stores hear of it.")
        % {"n": terms.answer_minutes}
    )
    if terms.needs_manager:
        words.append(_("There the manager has to agree."))
    return "".join(words)


def recent_customers(*, actor: Actor, now: datetime) -> list[CustomerRow]:
    """Whom the guide had to do with last: the one who stands there is most often among them."""
    seen = Interaction.objects.filter(
        guide_id=actor.guide_id or 0, occurred_at__gte=now - RECENT_DAYS
    ).order_by("-occurred_at")
    ids = list(dict.fromkeys(seen.values_list("member_id", flat=True)[: RECENT * 4]))[:RECENT]
    found = {member.pk: member for member in served(actor).filter(pk__in=ids)}
    return rows_of([found[pk] for pk in ids if pk in found], now=now)


# --- lists ----------------------------------------------------------------------------------------


_TO_ANSWER = Scoped(
    lambda actor: StockRequest.objects.given_by(actor).waiting_for_answer().values_list("pk")
)


def waiting_for(*, actor: Actor) -> int:
    """How many wait for the answer of the actor's store."""
    return len(_TO_ANSWER.tuples(actor))


def to_answer(guide_id: Any, *, day: Any) -> Any:
    """Those that wait for the answer of the store in which the guide works that day."""
    here = Posting.objects.on(day).filter(guide_id=guide_id)
    waiting = StockRequest.objects.waiting_for_answer()
    return waiting.filter(giving_store_id__in=here.values("store_id"))


def asked_for(guide_id: Any) -> Any:
    """Those that the guide asked for and that run."""
    return StockRequest.objects.open().filter(asking_guide_id=guide_id)


def pieces_words(*, to_answer: int, asked_for: int) -> str:
    parts = []
    if to_answer:
        words = ngettext(
            "%(n)s waits for your store's answer", "%(n)s wait for your store's answer", to_answer
        )
        parts.append(words % {"n": to_answer})
    if asked_for:
        parts.append(_("%(n)s that you asked for") % {"n": asked_for})
    return " · ".join(parts)


def parts_of(*, actor: Actor, now: datetime) -> list[Part]:
    """What our store is asked for, what it keeps, what we asked for, and what ended in a week."""
    rows = StockRequest.objects.visible_to(actor).annotate(is_own=is_own(actor))
    rows = rows.select_related("product", "member", "asking_store", "giving_store", "asking_guide")
    running = list(rows.open().order_by("due_at", "pk")[: LISTED + 1])
    ended = rows.filter(ended_at__gte=now - ENDED).order_by("-ended_at", "-pk")[:ENDED_LISTED]
    mine = own_stores(actor)
    giving = [row for row in running[:LISTED] if row.giving_store_id in mine]
    asking = [row for row in running[:LISTED] if row.giving_store_id not in mine]
    parts = [
        (_("Waits for your store's answer"), [row for row in giving if row.state in _WAITING]),
        (_("Your store gives"), [row for row in giving if row.state not in _WAITING]),
        (_("Asked of other stores"), asking),
        (_("Ended in the last 7 days"), list(ended)),
    ]
    found = [
        Part(head, [_line(row, actor, mine, now) for row in those])
        for head, those in parts
        if those
    ]
    if len(running) > LISTED:
        more = _("There are more; the first %(n)s are shown.") % {"n": LISTED}
        found = [Part(one.head, one.lines, more if n == 0 else "") for n, one in enumerate(found)]
    return found


def own_stores(actor: Actor) -> set[int]:
    here = Posting.objects.on(actor.on).filter(guide_id=actor.guide_id or 0)
    return set(here.values_list("store_id", flat=True)) | actor.store_ids


def _line(row: Any, actor: Actor, mine: set[int], now: datetime) -> Line:
    gives = row.giving_store_id in mine
    who = row.asking_store.name if gives else row.giving_store.name
    asker = own_word(row.asking_guide_id, row.asking_guide.name, actor)
    name = shown_name(row.member, whole=row.is_own)
    words = [str(row.get_kind_display()), *([who, asker, name] if gives else [name, who, asker])]
    return Line(
        pk=row.pk,
        href=links.numbered("stock_request", row.pk),
        head=goods_words(row.product),
        words=" · ".join(words),
        until=_until(row.due_at, now) if row.is_open else str(row.get_reason_display()),
        chip=state_chip(row),
        asks=gives and _may_confirm(row, actor),
        split=_("Of the sale: %(split)s") % {"split": _split(row, asker)},
    )


def state_chip(row: StockRequest) -> Chip:
    icon, tone = _LOOKS[State(row.state)]
    return Chip(icon, str(row.get_state_display()), tone)


def _until(moment: datetime | None, now: datetime) -> str:
    if moment is None:
        return ""
    left = int((moment - now).total_seconds() // 60)
    if 0 <= left < 60:
        return ngettext("%(n)s minute left", "%(n)s minutes left", left) % {"n": left}
    same = clock.business_day(moment) == clock.business_day(now)
    when = hour_minute(moment) if same else f"{month_day(moment)} {hour_minute(moment)}"
    return pgettext("stock request", "until %(when)s") % {"when": when}


def _may_confirm(row: StockRequest, actor: Actor) -> bool:
    if row.state == State.ASKED:
        return True
    return row.state == State.AGREED and leads(actor, row.giving_store_id)


# --- between two owners ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class OwnersRow(Shown):
    """A piece that would go to a store of another owner: the region's word is asked for."""

    pk: int
    goods: str
    title: str
    owners: str
    words: str


def owners_rows(*, actor: Actor, now: datetime) -> list[OwnersRow]:
    """What waits for the region, the oldest first; one query."""
    rows = StockRequest.objects.led_by(actor).waiting_for_region()
    found = rows.select_related(
        "product", "asking_guide", "asking_store__legal_entity", "giving_store__legal_entity"
    ).order_by("asked_at", "pk")[:LISTED]
    return [
        OwnersRow(
            pk=row.pk,
            goods=goods_words(row.product),
            title=_("%(a)s → %(b)s") % {"a": row.giving_store.name, "b": row.asking_store.name},
            owners=_("Owners differ: %(a)s, %(b)s")
            % {
                "a": row.giving_store.legal_entity.name,
                "b": row.asking_store.legal_entity.name,
            },
            words=f"{_split(row, row.asking_guide.name)} · {_until(row.due_at, now)}",
        )
        for row in found
    ]


# --- one ------------------------------------------------------------------------------------------


def detail_of(row: StockRequest, *, actor: Actor, now: datetime) -> Detail:
    mine = own_stores(actor)
    gives = row.giving_store_id in mine
    asks = row.asking_store_id in mine or row.asking_guide_id == actor.guide_id
    takes_back = row.asking_guide_id == actor.guide_id or row.asking_store_id in actor.store_ids
    customer = survivor_of(row.member)
    may_open = find_customer(actor=actor, public_id=customer.public_id) is not None
    asker = own_word(row.asking_guide_id, row.asking_guide.name, actor)
    return Detail(
        pk=row.pk,
        goods=goods_words(row.product),
        sku=row.product.sku,
        kind=str(row.get_kind_display()),
        name=shown_name(customer, whole=may_open),
        card=person_of(customer).href if may_open else "",
        asking=f"{row.asking_store.name} · {asker}",
        giving=row.giving_store.name,
        split=_split(row, asker),
        result=_result(row, asker),
        chip=state_chip(row),
        until=_until(row.due_at, now),
        reason=str(row.get_reason_display()) if row.reason else "",
        steps=_steps(row, actor),
        may_confirm=gives and _may_confirm(row, actor),
        waits_for_manager=row.needs_manager and row.state in _WAITING,
        may_refuse=gives and row.state in (*_WAITING, State.HELD),
        waits_for_region=row.waits_for_region,
        may_send=gives
        and row.state == State.HELD
        and row.kind == Kind.SEND
        and not row.waits_for_region,
        may_receive=asks and row.state == State.SENT,
        may_withdraw=takes_back and row.is_open and row.state != State.SENT,
        refusals=_choices(REFUSALS),
        withdrawals=_choices(WITHDRAWALS),
    )


def _choices(reasons: Sequence[Reason]) -> list[tuple[str, str]]:
    return [(reason.value, str(reason.label)) for reason in reasons]


def _split(row: StockRequest, asker: str) -> str:
    return _("%(asker)s %(yours)s%%, %(store)s %(theirs)s%%") % {
        "asker": asker,
        "yours": 100 - row.giver_percent,
        "store": row.giving_store.name,
        "theirs": row.giver_percent,
    }


def _result(row: StockRequest, asker: str) -> str:
    """The agreed parts of what the till said."""
    if row.net_fen is None or row.giver_fen is None:
        return ""
    if not row.net_fen:
        return _("Came back or was changed at the till: nothing to share")
    return _("%(all)s: %(asker)s %(yours)s, %(store)s %(theirs)s") % {
        "all": yuan(row.net_fen),
        "asker": asker,
        "yours": yuan(row.net_fen - row.giver_fen),
        "store": row.giving_store.name,
        "theirs": yuan(row.giver_fen),
    }


def _steps(row: StockRequest, actor: Actor) -> list[Step]:
    moves: Any = row.moves.annotate(who_name=who_behind("actor")).order_by("at", "pk")
    return [
        Step(_step_words(move), move.at, _who(move.actor, move.who_name, actor)) for move in moves
    ]


def _step_words(move: StockRequestMove) -> str:
    """A step that leads nowhere else is the region's yes."""
    if move.from_state == move.to_state:
        return pgettext("stock request", "The region agrees")
    return str(State(move.to_state).label)


def _who(label: str, name: str, actor: Actor) -> str:
    if label == BY_TILL:
        return _("by the till")
    if name and label.startswith("guide:"):
        return own_word(int(label.removeprefix("guide:")), name, actor)
    return name or pgettext("stock request", "by itself")
