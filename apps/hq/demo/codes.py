"""渠道活码 of the demo: posters in the east, a guide's card, a website, and who came by them.

The codes are made in the simulator as in any WeCom. Who came is known to the simulator first; the
comparison with WeCom finds them, their source and their code like any friend whose event was lost.
"""

import random
from datetime import datetime, time, timedelta
from uuid import NAMESPACE_URL, uuid5

from apps.accounts.actor import SYSTEM
from apps.contact_codes import services
from apps.contact_codes.models import ChannelCode
from apps.hq.demo.chain import Chain
from apps.hq.demo.people import name_of
from apps.hq.demo.phones import Phones
from apps.stores.models import Region
from apps.wecom.models import Corp

Kind = ChannelCode.Kind
_SEED = 20_261_122
_POSTER, _CARD, _SITE, _LIVE = "店内海报", "导购名片", "官网", "直播间"
_REGION = "hd"
# who came by the poster of a store, by its code: the tour's own store keeps to itself
_CAME = {"sh02": 9, "hz01": 7, "nj01": 6, "sz01": 4, "nb01": 2}
_OPENS_FOR_ONE = 3
_DAYS = 20
# days ago on which people opened the link, of whom how many added the guide
_OPENED, _ADDED = (9, 8, 6, 4, 3, 2), 2


def make_codes(chain: Chain, *, corp: Corp, phones: Phones, now: datetime) -> int:
    """Make the codes and let people come by them; returns how many codes there are."""
    services.make_store_codes(
        region_id=Region.objects.get(code=_REGION).pk,
        wanted=services.Wanted(
            title="收银台海报",
            channel=_POSTER,
            kind=Kind.STORE,
            daily_limit=30,
            welcome="您好，我是{门店}的{导购}。到店试穿、查尺码、留货，都可以直接找我。",
            poster_text="扫码添加导购，试穿留货都方便",
        ),
        corp_id=corp.corp_id,
        actor=SYSTEM,
        now=now,
    )
    for wanted in _others(chain):
        client_id = uuid5(NAMESPACE_URL, f"demo:code:{wanted.title}")
        services.create_code(
            wanted=wanted, corp_id=corp.corp_id, actor=SYSTEM, now=now, client_id=client_id
        )
    services.push_codes(now=now)
    _come(chain, phones=phones, now=now)
    _come_by_link(phones=phones, now=now)
    return ChannelCode.objects.count()


def _others(chain: Chain) -> list[services.Wanted]:
    shown, site = chain.guides_of["sh01"], ("sh01", "hz01", "gz01")
    workdays, weekend = (1, 2, 3, 4, 5), (6, 7)
    shifts = [
        services.Shift(chain.guides_of[code][place].pk, days, time(9), time(21))
        for code in site
        for place, days in ((1, workdays), (2, weekend))
    ]
    return [
        services.Wanted(
            title="全国海报：找最近门店",
            channel=_POSTER,
            kind=Kind.NEAREST,
            poster_text="找离您近的门店，加一位导购",
        ),
        services.Wanted(
            title="个人名片", channel=_CARD, kind=Kind.GUIDE, guide_id=shown[1].pk,
            backup_id=shown[0].pk, poster_text="加我微信，新款先看",
        ),
        services.Wanted(
            title="官网客服", channel=_SITE, kind=Kind.CHAIN, shifts=shifts, daily_limit=20,
            backup_id=shown[0].pk,
        ),
        services.Wanted(
            title="抖音直播间", channel=_LIVE, kind=Kind.CHAIN, medium=ChannelCode.Medium.LINK,
            shifts=shifts, backup_id=shown[0].pk,
        ),
    ]  # fmt: skip


def _come(chain: Chain, *, phones: Phones, now: datetime) -> None:
    """Opens of the posters' pages on past days, and friends that came of some of them."""
    dice = random.Random(_SEED)
    codes = {
        code.store_id: code for code in ChannelCode.objects.filter(kind=Kind.STORE).order_by("pk")
    }
    customers = []
    for place, count in _CAME.items():
        code = codes[chain.stores[place].pk]
        for number in range(count):
            since = now - timedelta(days=dice.randrange(1, _DAYS), hours=dice.randrange(0, 8))
            for opened in range(_OPENS_FOR_ONE):
                phone = f"demo:{place}:{number}:{opened}"
                services.record_scan(code=code, address=phone, browser="", now=since)
            guide = dice.choice(chain.guides_of[place][1:])
            customers.append(
                {
                    "external_userid": f"wmDemoCode{place}{number:03d}",
                    "name": name_of(dice, "f"),
                    "gender": 2,
                    "follows": [
                        {
                            "userid": guide.wecom_userid,
                            "createtime": int(since.timestamp()),
                            "state": code.state,
                            "add_way": 1,
                        }
                    ],
                }
            )
    phones.post("/sim/seed", departments=[], users=[], customers=customers)


def _come_by_link(*, phones: Phones, now: datetime) -> None:
    """People open the acquisition link on past days and some add the guide; WeCom counts both, and
    the product asks for the figures. The simulator's clock is back afterwards."""
    dice = random.Random(_SEED + 1)
    link = ChannelCode.objects.get(medium=ChannelCode.Medium.LINK)
    for days in _OPENED:
        phones.post("/sim/clock", now=(now - timedelta(days=days)).timestamp())
        for number in range(_ADDED + dice.randint(1, 3)):
            phones.tap(link.address)
            if number < _ADDED:
                phones.tap(link.address, name=name_of(dice, "f"))
    phones.post("/sim/clock", reset=True)
    services.read_links(now=now)
