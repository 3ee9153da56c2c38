"""Cards to both stores. They show on lock screens: goods and times, never a customer's name."""

from collections.abc import Iterable
from datetime import datetime

from django.urls import reverse
from django.utils.translation import gettext as _

from apps.core import clock
from apps.core.hours import for_cards
from apps.outreach import services as outreach
from apps.stock.models import Kind, State, StockRequest
from apps.stores import selectors as stores
from apps.stores.models import Posting


def asked(row: StockRequest, *, now: datetime) -> None:
    title = (
        _("Keep a piece for a customer?")
        if row.kind == Kind.HOLD
        else _("Send a piece to another store?")
    )
    words = _("%(store)s asks; answer by %(time)s") % {
        "store": row.asking_store.name,
        "time": _time(row.due_at),
    }
    _tell(row, people_there(row.giving_store_id, now=now), title, words, now=now)


def agreed(row: StockRequest, *, now: datetime) -> None:
    """The store's managers, also those who are off today: it waits for them alone."""
    posted = Posting.objects.on(clock.business_day(now)).filter(store_id=row.giving_store_id)
    managers = posted.filter(role=Posting.PostingRole.STORE_MANAGER)
    words = _("%(store)s asks; answer by %(time)s") % {
        "store": row.asking_store.name,
        "time": _time(row.due_at),
    }
    guides = managers.values_list("guide_id", flat=True)
    _tell(row, guides, _("A piece waits for your yes"), words, now=now)


def put_aside(row: StockRequest, *, now: datetime) -> None:
    words = _("%(store)s keeps it until %(time)s") % {
        "store": row.giving_store.name,
        "time": _time(row.due_at),
    }
    _tell(row, [row.asking_guide_id], _("The piece is put aside"), words, now=now)


def refused(row: StockRequest, *, now: datetime) -> None:
    words = _("%(store)s: %(reason)s") % {
        "store": row.giving_store.name,
        "reason": row.get_reason_display(),
    }
    _tell(row, [row.asking_guide_id], _("The other store cannot give the piece"), words, now=now)


def cleared(row: StockRequest, *, now: datetime) -> None:
    """Who put it aside may send it; while nobody has, the page of the request says so."""
    if row.state == State.HELD:
        words = _("%(store)s waits for it") % {"store": row.asking_store.name}
        title = _("The region agrees: the piece may be sent")
        _tell(row, _giving(row, now), title, words, now=now, about="cleared")


def forbidden(row: StockRequest, *, before: str, now: datetime) -> None:
    why = _("The stores have different owners")
    title = _("The region does not agree to send a piece")
    _tell(row, [row.asking_guide_id], title, why, now=now)
    if before == State.HELD:
        why = _("%(reason)s: it may go back on the shelf") % {"reason": why}
    rest = [guide_id for guide_id in _giving(row, now) if guide_id != row.asking_guide_id]
    _tell(row, rest, title, why, now=now)


def on_its_way(row: StockRequest, *, now: datetime) -> None:
    words = _("%(store)s has sent it; confirm when it is here") % {"store": row.giving_store.name}
    _tell(row, [row.asking_guide_id], _("The piece is on its way"), words, now=now)


def arrived(row: StockRequest, *, now: datetime) -> None:
    words = _("Kept for your customer until %(time)s") % {"time": _time(row.due_at)}
    _tell(row, [row.asking_guide_id], _("The piece has arrived"), words, now=now)


def taken_back(row: StockRequest, *, now: datetime) -> None:
    words = _("%(store)s: %(reason)s") % {
        "store": row.asking_store.name,
        "reason": row.get_reason_display(),
    }
    title = _("A piece is not needed any more")
    _tell(row, _giving(row, now), title, words, now=now)


def bought(row: StockRequest, *, now: datetime) -> None:
    words = _("The till has the order; the shares stand on the page")
    everybody = {row.asking_guide_id, *_giving(row, now)}
    _tell(row, everybody, _("The piece was bought"), words, now=now)


def lapsed(row: StockRequest, *, before: str, now: datetime) -> None:
    """Both sides; who has a piece lying aside reads that it may go back on the shelf."""
    why = str(row.get_reason_display())
    title = _("A request for a piece has lapsed")
    _tell(row, [row.asking_guide_id], title, why, now=now)
    if before == State.HELD:
        why = _("%(reason)s: it may go back on the shelf") % {"reason": why}
    rest = [guide_id for guide_id in _giving(row, now) if guide_id != row.asking_guide_id]
    _tell(row, rest, title, why, now=now)


def people_there(store_id: int, *, now: datetime) -> list[int]:
    """Who works in the store on the day on which a card of this moment comes."""
    found = stores.at_work(store_ids=[store_id], day=clock.business_day(for_cards(now)))
    return [posting.guide_id for posting in found]


def _giving(row: StockRequest, now: datetime) -> list[int]:
    """Who said yes there, else everybody at work there."""
    if row.giving_guide_id:
        return [row.giving_guide_id]
    return people_there(row.giving_store_id, now=now)


def _tell(
    row: StockRequest,
    guide_ids: Iterable[int],
    title: str,
    words: str,
    *,
    now: datetime,
    about: str = "",
) -> None:
    """At once within the hours of cards: a customer may stand beside who asks."""
    product = row.product
    goods = " ".join(filter(None, [product.name, product.colour, product.size]))
    path = reverse("guide_portal:stock_request", args=[row.pk])
    outreach.queue_guide_notices(
        source=f"{row.source}:{about or row.state}",
        rows=[(guide_id, title, f"{goods}\n{words}", path) for guide_id in sorted(set(guide_ids))],
        not_before=for_cards(now),
        at_once=True,
        now=now,
    )


def _time(moment: datetime | None) -> str:
    """Day and hour, as cards are also read the next morning."""
    assert moment is not None
    local = moment.astimezone(clock.chain_tz())
    return f"{local.month}-{local.day} {local:%H:%M}"
