"""新人前 30 天 of the demo: head office's plan, and two guides who came in these weeks."""

from datetime import datetime, timedelta

from psycopg.types.range import DateRange

from apps.core import clock
from apps.hq.demo import running
from apps.hq.demo.chain import Chain
from apps.newcomers.models import PlanStep
from apps.newcomers.services import tell_step
from apps.news.models import News
from apps.stores.models import Posting, Store

# by day, title, how, page, proof, how many
_STEPS = (
    (1, "认识同事和店里的分区", "请店长带你走一圈", "", "told", 1),
    (2, "读本周价格规则", "结账前顾客最常问", "", "news", 1),
    (3, "给第一位顾客写备注", "尺码、喜好，一句就够", "customers", "notes", 1),
    (5, "发出第一条消息", "从今日的第一张卡片开始", "today", "delivered", 1),
    (10, "开出第一张会员卡", "顾客自己扫码填写", "enrol", "enrolled", 1),
    (30, "消息送达 30 位顾客", "", "today", "delivered", 30),
)
# place in the store shown, days ago
_CAME = ((1, 5), (4, 16))
_BEGAN = timedelta(days=400)


def arrive(chain: Chain, *, now: datetime) -> int:
    """The chain has used the product for long; two of the shown store are new. Returns how many."""
    today = clock.business_day(now)
    Store.objects.filter(live_since__isnull=False).update(live_since=now - _BEGAN)
    prices = News.objects.filter(kind=News.Kind.PRICES).first()
    for day, title, words, page, proof, number in _STEPS:
        PlanStep.objects.create(
            day=day, title=title, words=words, page=page, proof=proof, number=number,
            news=prices if proof == PlanStep.Proof.NEWS else None,
        )  # fmt: skip
    for place, days in _CAME:
        guide = chain.guides_of[running.SHOWN_STORE][place]
        came = today - timedelta(days=days - 1)
        Posting.objects.filter(guide=guide).update(during=DateRange(came, None))
        told = PlanStep.objects.get(proof=PlanStep.Proof.TOLD)
        tell_step(step=told, guide_id=guide.pk, now=now - timedelta(days=days - 1))
    return len(_CAME)
