"""话术与素材 › 资讯: who has read a piece, who has not, and a reminder."""

import csv
from collections.abc import Iterable
from dataclasses import dataclass

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from apps.accounts import services as accounts
from apps.accounts.capabilities import Capability
from apps.core import clock
from apps.core.errors import DomainError
from apps.hq.access import actor_of, hq_action, hq_page, show
from apps.hq.sheets import cell
from apps.news import selectors, services
from apps.news.models import News

PER_PAGE = 50
EXPORTED = 100_000


@dataclass(slots=True)
class Sum:
    """A region, or all."""

    name: str
    pk: int | None = None
    asked: int = 0
    read: int = 0

    @property
    def percent(self) -> str:
        return f"{100 * self.read / self.asked:.1f}%" if self.asked else "—"


def _sums(rows: Iterable[selectors.StoreReads]) -> tuple[Sum, list[Sum]]:
    """All together, and region by region, the smallest share first."""
    total, regions = Sum(""), dict[int, Sum]()
    for row in rows:
        region = regions.setdefault(row.region_id, Sum(row.region, row.region_id))
        for one in (total, region):
            one.asked += row.asked
            one.read += row.read
    return total, sorted(regions.values(), key=lambda one: (one.read / one.asked, one.name))


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 12 else None


def _news(request: HttpRequest, pk: int) -> News:
    found: News = get_object_or_404(News.objects.visible_to(actor_of(request)), pk=pk)
    return found


@hq_page(Capability.VIEW_REPORTS)
def news_reads(request: HttpRequest, pk: int) -> HttpResponse:
    """Read and asked: all, by region, by store."""
    actor, news, now = actor_of(request), _news(request, pk), clock.now()
    found = selectors.reads_by_store(news=news, actor=actor, now=now)
    total, regions = _sums(found)
    region = _number(request.GET.get("region", ""))
    stores = [row for row in found if region in (None, row.region_id)]
    is_shown = News.objects.running(now).filter(pk=news.pk).exists()
    may_act = actor.can(Capability.MANAGE_CONTENT)
    return show(
        request,
        "hq/news_reads.html",
        title=news.title,
        news=news,
        total=total,
        regions=regions,
        region=region,
        page=Paginator(stores, PER_PAGE).get_page(request.GET.get("page")),
        query=f"region={region}&" if region is not None else "",
        may_act=may_act,
        may_remind=may_act and news.must_read and is_shown and total.read < total.asked,
        is_reminded=news.reminded_on == clock.business_day(now),
    )


@hq_page(Capability.VIEW_REPORTS)
def news_unread(request: HttpRequest, pk: int) -> HttpResponse:
    """Who has not read it, by name."""
    actor, news = actor_of(request), _news(request, pk)
    store, region = (_number(request.GET.get(name, "")) for name in ("store", "region"))
    number = max(1, _number(request.GET.get("page", "")) or 1)
    rows, count = selectors.unread(
        news=news,
        actor=actor,
        now=clock.now(),
        region_id=region,
        store_id=store,
        limit=PER_PAGE,
        offset=(number - 1) * PER_PAGE,
    )
    asked = {"region": region, "store": store}
    query = "".join(f"{name}={value}&" for name, value in asked.items() if value is not None)
    if number > 1 and not rows:  # so many have read it meanwhile
        return redirect(f"{request.path}?{query}")
    return show(
        request,
        "hq/news_unread.html",
        title=news.title,
        news=news,
        rows=rows,
        count=count,
        # the rows of a page know how many there are: nothing more is asked
        page=Paginator(range(count), PER_PAGE).get_page(number),
        query=query,
        may_act=actor.can(Capability.MANAGE_CONTENT),
    )


@hq_page(Capability.MANAGE_CONTENT)
def news_export(request: HttpRequest, pk: int) -> HttpResponse:
    """Who has not read it, as a sheet; audited."""
    actor, news = actor_of(request), _news(request, pk)
    rows, _count = selectors.unread(news=news, actor=actor, now=clock.now(), limit=EXPORTED)
    accounts.audit(
        actor=actor,
        action="news.exported",
        object_type="news.news",
        object_id=str(news.pk),
        detail={"rows": len(rows)},
    )
    answer = HttpResponse("\ufeff", content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="news-{news.pk}.csv"'
    out = csv.writer(answer)
    out.writerow([
        _("region"), _("store code"), _("store"), _("guide"), _("WeCom user id"),
        pgettext("news", "opened at"),
    ])  # fmt: skip
    for row in rows:
        opened = row.opened_at.astimezone(clock.chain_tz()) if row.opened_at else None
        names = (row.region, row.code, row.store, row.name, row.userid)
        out.writerow([*map(cell, names), f"{opened:%Y-%m-%d %H:%M}" if opened else ""])
    return answer


@hq_action(Capability.MANAGE_CONTENT)
def news_remind(request: HttpRequest, pk: int) -> HttpResponse:
    """A card to everybody who has not read it; once a day."""
    news = _news(request, pk)
    try:
        count = services.remind(news_id=news.pk, actor=actor_of(request), now=clock.now())
    except DomainError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, _("Reminded: %(n)s people") % {"n": count})
    return redirect("hq:news_reads", pk=pk)
