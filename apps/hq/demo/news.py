"""资讯 of the demo: what head office posted in these days; most have read it, some have not."""

import random
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from apps.core import clock
from apps.news.models import News
from apps.news.services import confirm_news, keep_news, open_news
from apps.orders.models import Product
from apps.stores.models import Guide

_SEED = 20_261_128
# kind, days ago, must read, pinned, share that has read, title, text
_PIECES = (
    ("prices", 2, True, True, 0.7, "本周价格规则：第二双八折",
     "本周五到周日，全场正价鞋第二双八折。\n员工价、团购价不参加。\n退一双时，另一双按原价结算，请先和顾客说清楚。"),
    ("goods", 1, True, False, 0.5, "秋冬短靴到店，卖点三句话",
     "一、鞋口加软边，不磨脚踝。\n二、防滑底，雨天也能穿。\n三、36 到 40 码齐，脚宽建议大半码。"),
    ("tasks", 0, False, False, 0.4, "今天的任务怎么做",
     "先发秋冬新靴，再做沉默唤醒。\n顾客说不要了，点「不适用」并选原因，不算没完成。"),
    ("notice", 5, False, False, 0.9, "月底盘点时间",
     "本月最后一天闭店后盘点，请提前一天把样鞋归位。"),
)  # fmt: skip


def post(guides: Sequence[Guide], *, unread_by: Collection[Guide], now: datetime) -> int:
    """Post the pieces and let these guides read; for some the must-read ones still wait.
    Returns how many pieces."""
    dice = random.Random(_SEED)
    for kind, days, must, pinned, share, title, body in _PIECES:
        start = clock.day_start(clock.business_day(now) - timedelta(days=days))
        news = News(
            kind=kind,
            title=title,
            body=body,
            must_read=must,
            pinned=pinned,
            shown_from=start + timedelta(hours=min(8, (now - start) // timedelta(hours=1))),
        )
        keep_news(news=news, corrected=False, ask_again=False, now=now)
        if kind == "goods":
            boots = Product.objects.filter(name__contains="靴").order_by("style_no", "pk")
            news.products.set(boots.distinct("style_no")[:3].values_list("pk", flat=True))
        for guide in guides:
            if dice.random() < share and not (must and guide in unread_by):
                _read(news, guide, must=must, dice=dice, now=now)
    return len(_PIECES)


def _read(news: News, guide: Guide, *, must: bool, dice: random.Random, now: datetime) -> None:
    """Somewhere between its beginning and now; one in ten opens it and does not say so."""
    at = news.shown_from + (now - news.shown_from) * dice.random()
    if must and dice.random() < 0.9:
        confirm_news(news=news, guide_id=guide.pk, version=news.version, now=at)
    else:
        open_news(news=news, guide_id=guide.pk, now=at)
