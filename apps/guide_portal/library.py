"""工具's shelves: scripts with what became of them, and pages ready to be sent."""

from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db.models import Count, Q
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from apps.core import clock
from apps.guide_portal.cards import Chip, percent
from apps.outreach import scripts
from apps.outreach.models import ContentAsset, LinkClick, MessageTemplate, ScriptProposal
from apps.outreach.services import share_links
from apps.reports.scripts import ENOUGH_REACHED, ScriptResult, places, script_results
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

    @property
    def rate(self) -> str:
        return percent(self.result.conversion_rate)


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
    """The guide's shelf in three queries; results come counted."""
    guide, store = place_of_work(guide_id, now)
    results = script_results(now=now)
    ranks = places(results)
    rows = MessageTemplate.objects.usable_in(store.pk if store else None)
    words = {"导购": guide.name, "门店": store.name if store else ""}
    shelf = [
        _script(row, results.get(row.pk, ScriptResult()), ranks.get(row.pk), words, guide_id)
        for row in rows.select_related("author", "asset")[:SHELF]
    ]
    shelf.sort(key=lambda one: (one.place is None, one.place or 0, -one.result.issued, one.name))
    own = ScriptProposal.objects.filter(guide_id=guide_id)[:OWN]
    return Library(scripts=shelf, proposals=[_proposal(row) for row in own])


def _script(
    row: MessageTemplate, result: ScriptResult, place: int | None, words: dict[str, str], me: int
) -> Script:
    body = row.generic_body or row.body
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
    )


def _proposal(row: ScriptProposal) -> Proposal:
    chips = {
        ScriptProposal.State.WAITING: Chip("clock", pgettext("script", "Manager looks"), "wait"),
        ScriptProposal.State.TAKEN: Chip("ok", pgettext("script", "In the library"), "ok"),
        ScriptProposal.State.REFUSED: Chip("note", pgettext("script", "To be changed"), "warn"),
    }
    return Proposal(row.name, row.body, chips[ScriptProposal.State(row.state)], row.refusal)


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


def materials(*, guide_id: int, now: datetime) -> list[Material]:
    """What may be sent today, newest first, each with a link that knows its sender."""
    assets = list(
        ContentAsset.objects.filter(Q(valid_until=None) | Q(valid_until__gt=now)).order_by("-pk")[
            :SHELF
        ]
    )
    links = share_links(guide_id=guide_id, asset_ids=[asset.pk for asset in assets])
    opened = dict(
        LinkClick.objects.filter(link__in=[link.pk for link in links.values()])
        .values("link_id")
        .annotate(n=Count("pk"))
        .values_list("link_id", "n")
    )
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
