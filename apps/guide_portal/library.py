"""工具's shelves: scripts with what became of them, and pages ready to be sent."""

from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db.models import Count, Q, QuerySet
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from apps.core import clock
from apps.guide_portal.cards import Chip, percent
from apps.outreach import scripts
from apps.outreach.models import (
    ContentAsset,
    LinkClick,
    MessageTemplate,
    ScriptProposal,
    ScriptVariant,
)
from apps.outreach.services import share_links
from apps.reports.scripts import (
    ENOUGH_REACHED,
    Comparison,
    ScriptResult,
    places,
    script_results,
    variant_results,
)
from apps.stores.models import Guide, Posting, Store

SHELF = 60
OWN = 10


@dataclass(frozen=True, slots=True)
class Script:
    """One script: the words ready to copy, whose they are, and what they did."""

    pk: int
    name: str
    text: str
    personal: bool
    by: str
    is_mine: bool
    place: int | None
    result: ScriptResult
    asset_title: str
    may_be_worded: bool = False
    wording: Comparison | None = None

    @property
    def rate(self) -> str:
        return percent(self.result.conversion_rate)

    @property
    def compared(self) -> str:
        """本店说法 12%，其他店总部说法 9%"""
        return compared_words(self.wording) if self.wording else ""


def compared_words(found: Comparison) -> str:
    """The store's own words beside head office's, and whether that says anything yet."""
    words = _("Conversion with your store's words %(own)s (%(n)s), elsewhere %(chain)s (%(m)s)") % {
        "own": percent(found.own.conversion_rate),
        "n": found.own.issued,
        "chain": percent(found.chain.conversion_rate),
        "m": found.chain.issued,
    }
    return words if found.is_enough else f"{words} · {_('too few to judge')}"


@dataclass(frozen=True, slots=True)
class Proposal:
    name: str
    body: str
    chip: Chip
    why: str


@dataclass(frozen=True, slots=True)
class Library:
    """The shelf: ranked first, then those that are too young to be judged."""

    scripts: list[Script]
    proposals: list[Proposal]
    enough: int = ENOUGH_REACHED


def place_of_work(guide_id: int, now: datetime) -> tuple[Guide, Store | None]:
    """Who asks, and the store TA stands in today."""
    posting = (
        Posting.objects.on(clock.business_day(now))
        .filter(guide_id=guide_id)
        .select_related("guide", "store")
        .first()
    )
    return (posting.guide, posting.store) if posting else (Guide.objects.get(pk=guide_id), None)


def library(*, guide_id: int, now: datetime) -> Library:
    """The guide's shelf in four queries; results come counted."""
    guide, store = place_of_work(guide_id, now)
    results = script_results(now=now)
    ranks = places(results)
    own_words = store_words(store, now)
    words = _words_of(guide, store)
    rows = MessageTemplate.objects.usable_in(store.pk if store else None)
    shelf = [
        _script(
            row,
            results.get(row.pk, ScriptResult()),
            ranks.get(row.pk),
            words,
            guide_id,
            own_words.get(row.pk),
        )
        for row in rows.select_related("author", "asset")[:SHELF]
    ]
    shelf.sort(key=lambda one: (one.place is None, one.place or 0, -one.result.issued, one.name))
    proposals = ScriptProposal.objects.filter(guide_id=guide_id)[:OWN]
    return Library(scripts=shelf, proposals=[_proposal(row) for row in proposals])


@dataclass(frozen=True, slots=True)
class Spoken:
    """One script as this guide says it."""

    pk: int
    name: str
    text: str


def spoken(*, guide_id: int, now: datetime) -> list[Spoken]:
    """The shelf's words alone, by name; the welcome goes out by itself. Three queries."""
    guide, store = place_of_work(guide_id, now)
    words = _words_of(guide, store)
    rows = MessageTemplate.objects.usable_in(store.pk if store else None).filter(is_welcome=False)
    own = {row.script_id: row for row in _variants(store)}
    return [
        Spoken(row.pk, row.name, scripts.render(_body(own.get(row.pk, row)), words))
        for row in rows[:SHELF]
    ]


def _words_of(guide: Guide, store: Store | None) -> dict[str, str]:
    return {"导购": guide.name, "门店": store.name if store else ""}


def _variants(store: Store | None) -> QuerySet[ScriptVariant]:
    found: QuerySet[ScriptVariant] = ScriptVariant.objects.of_store(store.pk if store else None)
    return found


def _body(said: MessageTemplate | ScriptVariant) -> str:
    return said.generic_body or said.body


def store_words(store: Store | None, now: datetime) -> dict[int, tuple[ScriptVariant, Comparison]]:
    """What this store says in place of head office's words, by script, with what it did."""
    found = {row.script_id: row for row in _variants(store)}
    results = variant_results(now=now) if found else {}
    return {pk: (row, results.get(row.pk, Comparison())) for pk, row in found.items()}


def _script(
    row: MessageTemplate,
    result: ScriptResult,
    place: int | None,
    words: dict[str, str],
    me: int,
    own: tuple[ScriptVariant, Comparison] | None,
) -> Script:
    body = _body(own[0] if own else row)
    return Script(
        pk=row.pk,
        name=row.name,
        text=scripts.render(body, words),
        personal=scripts.has_customer_variables(body),
        by=row.author.name if row.author else "",
        is_mine=row.author_id == me,
        place=place,
        result=result,
        asset_title=row.asset.title if row.asset else "",
        may_be_worded=row.stores_may_edit and row.store_id is None,
        wording=own[1] if own else None,
    )


def _proposal(row: ScriptProposal) -> Proposal:
    chips = {
        ScriptProposal.State.WAITING: Chip("clock", pgettext("script", "Manager looks"), "wait"),
        ScriptProposal.State.TAKEN: Chip("ok", pgettext("script", "In the library"), "ok"),
        ScriptProposal.State.REFUSED: Chip("note", pgettext("script", "To be changed"), "warn"),
    }
    chip, why = chips[ScriptProposal.State(row.state)], row.refusal
    if row.chain == ScriptProposal.Chain.OPENED:
        chip = Chip("ok", pgettext("script", "Used by the chain"), "ok")
    elif row.chain:
        why = _("Stays with your store. Head office: %(why)s") % {"why": row.chain_refusal}
    return Proposal(row.name, row.body, chip, why)


# --- a store's own words --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class WordingPage:
    """One script of head office, the store's own words for it, and what must stand in them."""

    script: MessageTemplate
    store: Store
    variant: ScriptVariant | None
    body: str
    generic_body: str
    is_in_use: bool
    compared: str
    why_withdrawn: str
    stays: str
    generic_stays: str
    most: int
    generic_most: int


def wording_page(*, script: MessageTemplate, store: Store, now: datetime) -> WordingPage:
    """The page of a script, from what the store says now or else from head office's words."""
    variant = ScriptVariant.objects.at(script.pk, store.pk).first()
    stands = variant is not None and variant.withdrawn_at is None
    fits = (
        variant is not None
        and (variant.base_body, variant.base_generic_body) == (script.body, script.generic_body)
    )  # fmt: skip
    found = variant_results(now=now).get(variant.pk) if variant is not None and stands else None
    said = variant if variant is not None and fits else script
    return WordingPage(
        script=script,
        store=store,
        variant=variant,
        body=said.body,
        generic_body=said.generic_body,
        is_in_use=stands and fits,
        compared=compared_words(found) if found else "",
        why_withdrawn=variant.why if variant is not None and not stands else "",
        stays=stays_words(script.body),
        generic_stays=stays_words(script.generic_body),
        most=scripts.most_of(script.body),
        generic_most=scripts.most_of(script.generic_body),
    )


def stays_words(body: str) -> str:
    """{称呼} {门店} https://… : what no other wording may lose."""
    names = [f"{{{name}}}" for name in scripts.variables_in(body)]
    return " ".join([*names, *scripts.links_in(body)])


# --- pages to send -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Material:
    """One page with the guide's own link to it."""

    pk: int
    title: str
    summary: str
    url: str
    looks: str
    text: str
    opened: int


def materials(*, guide_id: int, now: datetime, counted: bool = True) -> list[Material]:
    """What may be sent today, newest first, each with a link that knows its sender. Where nobody
    reads how often a page was opened, it is not `counted`."""
    assets = list(
        ContentAsset.objects.filter(Q(valid_until=None) | Q(valid_until__gt=now)).order_by("-pk")[
            :SHELF
        ]
    )
    links = share_links(guide_id=guide_id, asset_ids=[asset.pk for asset in assets])
    opened = _opened([link.pk for link in links.values()]) if counted else {}
    shelf = []
    for asset in assets:
        link = links[asset.pk]
        url = f"{settings.PUBLIC_BASE_URL}{reverse('outreach:link', args=[link.code])}"
        shelf.append(
            Material(
                pk=asset.pk,
                title=asset.title,
                summary=asset.summary,
                url=url,
                looks=reverse("outreach:content", args=[link.code]),
                text=_("%(title)s %(url)s") % {"title": asset.title, "url": url},
                opened=opened.get(link.pk, 0),
            )
        )
    return shelf


def _opened(link_ids: list[int]) -> dict[int, int]:
    clicks = LinkClick.objects.filter(link__in=link_ids).values("link_id")
    return dict(clicks.annotate(n=Count("pk")).values_list("link_id", "n"))
