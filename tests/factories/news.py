"""Pieces of news, posted as head office posts them."""

from datetime import timedelta

from apps.news.models import News
from apps.news.services import keep_news


def post_news(now, *, regions=(), stores=(), products=(), pages=(), **fields):
    begun = {"title": "双十一价格规则", "body": "第一行\n第二行", "must_read": True}
    news = News(**{**begun, "shown_from": now - timedelta(hours=1), **fields})
    keep_news(news=news, corrected=False, ask_again=False, now=now)
    news.regions.set(regions)
    news.stores.set(stores)
    news.products.set(products)
    news.pages.set(pages)
    return news
