"""The made-up chain: 步禾, four regions, 24 stores, the people who work there."""

import random
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

from apps.accounts.capabilities import Role
from apps.accounts.models import User
from apps.core import clock
from apps.hq.demo.people import name_of
from apps.stores.models import Guide, LegalEntity, Posting, Region, ScopeGrant, Store
from apps.stores.services import connect_region_manager, guide_leaves, post_guide

CHAIN_NAME = "步禾"
_REGIONS = (("hd", "华东"), ("hn", "华南"), ("hb", "华北"), ("xn", "西南"))
# WeCom's departments above the stores, in the order of the regions
_REGION_DEPARTMENTS = 10
# who leads a region, on a phone as everybody else
REGION_LEAD, _LED_REGION = "hd_lead", "hd"
# who administers signs in to head office's pages by a scan as well
HQ_LEAD = "hq_hejing"
_FRANCHISEE = "锦程商贸有限公司（加盟）"

# code, name, city, region, ownership, class, weight of its customers
_STORES: tuple[tuple[str, str, str, str, str, str, int], ...] = (
    ("sh01", "上海南京西路店", "上海", "hd", "direct", "a", 12),
    ("sh02", "上海徐汇店", "上海", "hd", "direct", "a", 10),
    ("sh03", "上海五角场店", "上海", "hd", "direct", "b", 7),
    ("hz01", "杭州湖滨店", "杭州", "hd", "direct", "a", 9),
    ("hz02", "杭州西溪店", "杭州", "hd", "franchise", "c", 5),
    ("sz01", "苏州观前街店", "苏州", "hd", "direct", "b", 8),
    ("nj01", "南京新街口店", "南京", "hd", "direct", "a", 8),
    ("wx01", "无锡三阳店", "无锡", "hd", "franchise", "c", 4),
    ("nb01", "宁波天一店", "宁波", "hd", "franchise", "b", 4),
    ("hf01", "合肥银泰店", "合肥", "hd", "direct", "c", 3),
    ("gz01", "广州天河城店", "广州", "hn", "direct", "a", 7),
    ("gz02", "广州北京路店", "广州", "hn", "direct", "b", 5),
    ("sz11", "深圳万象城店", "深圳", "hn", "direct", "a", 7),
    ("dg01", "东莞国贸店", "东莞", "hn", "franchise", "c", 2),
    ("xm01", "厦门中山路店", "厦门", "hn", "direct", "b", 3),
    ("bj01", "北京王府井店", "北京", "hb", "direct", "a", 7),
    ("bj02", "北京朝阳大悦城店", "北京", "hb", "direct", "a", 6),
    ("tj01", "天津滨江道店", "天津", "hb", "direct", "b", 4),
    ("jn01", "济南泉城路店", "济南", "hb", "franchise", "c", 3),
    ("sjz01", "石家庄勒泰店", "石家庄", "hb", "franchise", "c", 2),
    ("cd01", "成都春熙路店", "成都", "xn", "direct", "a", 6),
    ("cd02", "成都太古里店", "成都", "xn", "direct", "a", 5),
    ("cq01", "重庆解放碑店", "重庆", "xn", "direct", "b", 4),
    ("km01", "昆明顺城店", "昆明", "xn", "franchise", "c", 2),
)
# latitude and longitude of the places they are named after
_PLACES = {
    "sh01": (31.229, 121.456), "sh02": (31.195, 121.437), "sh03": (31.299, 121.514),
    "hz01": (30.254, 120.164), "hz02": (30.272, 120.064), "sz01": (31.312, 120.628),
    "nj01": (32.043, 118.784), "wx01": (31.576, 120.300), "nb01": (29.869, 121.553),
    "hf01": (31.862, 117.290), "gz01": (23.132, 113.327), "gz02": (23.122, 113.269),
    "sz11": (22.539, 114.111), "dg01": (23.046, 113.752), "xm01": (24.455, 118.080),
    "bj01": (39.913, 116.411), "bj02": (39.925, 116.518), "tj01": (39.120, 117.196),
    "jn01": (36.661, 117.020), "sjz01": (38.048, 114.517), "cd01": (30.657, 104.080),
    "cd02": (30.654, 104.083), "cq01": (29.558, 106.577), "km01": (25.040, 102.712),
}  # fmt: skip
_CLOSED, _NEW = "hf01", "cd02"
_CLOSED_DAYS_AGO, _NEW_SINCE_DAYS = 120, 35
_GUIDES_OF_CLASS = {"a": 5, "b": 3, "c": 2}
_LEAVERS = 3


@dataclass(frozen=True)
class Person:
    """One who works in a store, as WeCom's address book has them."""

    userid: str
    name: str
    store: str
    is_manager: bool


@dataclass
class Chain:
    stores: dict[str, Store]
    weights: dict[str, int]
    guides_of: dict[str, list[Guide]]
    people: list[Person]

    @property
    def open_codes(self) -> list[str]:
        return [code for code, store in self.stores.items() if store.closed_on is None]

    @property
    def open_stores(self) -> list[Store]:
        return [self.stores[code] for code in self.open_codes]


def load_chain(*, corp_id: str, today: date, dice: random.Random) -> Chain:
    """Regions, stores, guides with postings, and who signs in at head office."""
    regions = {code: Region.objects.create(code=code, name=name) for code, name in _REGIONS}
    owners = {
        "direct": LegalEntity.objects.create(
            name="步禾鞋服股份有限公司", basis=LegalEntity.Basis.SAME_HANDLER
        ),
        "franchise": LegalEntity.objects.create(
            name=_FRANCHISEE, basis=LegalEntity.Basis.PROCESSOR
        ),
    }
    stores = {}
    for number, (code, name, city, region, owner, size, _weight) in enumerate(_STORES):
        stores[code] = Store.objects.create(
            code=code,
            name=name,
            city=city,
            region=regions[region],
            ownership=owner,
            legal_entity=owners[owner],
            store_class=size,
            opened_on=today - timedelta(days=_NEW_SINCE_DAYS if code == _NEW else 900 + number),
            closed_on=today - timedelta(days=_CLOSED_DAYS_AGO) if code == _CLOSED else None,
            corp_id=corp_id,
            wecom_department_id=100 + number,
            latitude=_PLACES[code][0],
            longitude=_PLACES[code][1],
        )
    people = _people(dice)
    chain = Chain(
        stores=stores,
        weights={row[0]: row[6] for row in _STORES},
        guides_of=_post(people, stores, corp_id=corp_id, today=today),
        people=people,
    )
    return chain


def _people(dice: random.Random) -> list[Person]:
    people = []
    for code, _name, _city, _region, _owner, size, _weight in _STORES:
        for number in range(_GUIDES_OF_CLASS[size] + 1):
            people.append(
                Person(
                    userid=f"{code}_{number:02d}",
                    name=name_of(dice, "f" if dice.random() < 0.85 else "m"),
                    store=code,
                    is_manager=number == 0,
                )
            )
    return people


def _post(
    people: list[Person], stores: dict[str, Store], *, corp_id: str, today: date
) -> dict[str, list[Guide]]:
    guides_of: dict[str, list[Guide]] = {code: [] for code in stores}
    for person in people:
        store = stores[person.store]
        guide = Guide.objects.create(corp_id=corp_id, wecom_userid=person.userid, name=person.name)
        role = Posting.PostingRole.STORE_MANAGER if person.is_manager else Posting.PostingRole.GUIDE
        post_guide(
            guide=guide,
            store=store,
            role=role,
            from_day=store.opened_on,
            until_day=store.closed_on,
        )
        if store.closed_on is None:
            guides_of[person.store].append(guide)
    return guides_of


def leavers(chain: Chain, *, dice: random.Random) -> list[Guide]:
    """Three guides who left last week."""
    from_stores = dice.sample([code for code in chain.open_codes if code != _NEW], _LEAVERS)
    return [chain.guides_of[code][-1] for code in from_stores]


def let_leave(guides: Iterable[Guide], *, today: date) -> None:
    """Their customers wait for somebody new."""
    on = today - timedelta(days=6)
    for guide in guides:
        guide_leaves(guide=guide, now=clock.day_start(on), on=on)


def departments(chain: Chain) -> list[dict[str, object]]:
    """WeCom's department tree: corp, regions, stores."""
    rows: list[dict[str, object]] = [{"id": 1, "name": CHAIN_NAME, "parentid": 0, "order": 1}]
    parent = {code: _region_department(code) for code, _name in _REGIONS}
    for code, name in _REGIONS:
        rows.append({"id": parent[code], "name": name, "parentid": 1, "order": 1})
    for store in chain.stores.values():
        if store.closed_on is None:
            rows.append(
                {
                    "id": store.wecom_department_id,
                    "name": store.name,
                    "parentid": parent[store.region.code],
                    "order": 1,
                }
            )
    return rows


def staff(chain: Chain) -> list[dict[str, object]]:
    """WeCom's members: who leads a region, head office, the people of the open stores."""
    people: list[dict[str, object]] = [
        {
            "userid": person.userid,
            "name": person.name,
            "department": [chain.stores[person.store].wecom_department_id],
            "position": "店长" if person.is_manager else "导购",
            "status": 1,
        }
        for person in chain.people
        if chain.stores[person.store].closed_on is None
    ]
    lead = {
        "userid": REGION_LEAD,
        "name": User.objects.get(role=Role.REGION_MANAGER).get_full_name(),
        "department": [_region_department(_LED_REGION)],
        "position": "区域经理",
        "status": 1,
    }
    head_office = {
        "userid": HQ_LEAD,
        "name": User.objects.get(wecom_userid=HQ_LEAD).get_full_name(),
        "department": [1],
        "position": "总部",
        "status": 1,
    }
    return [lead, head_office, *people]


def _region_department(code: str) -> int:
    return _REGION_DEPARTMENTS + [one for one, _name in _REGIONS].index(code)


def load_head_office(*, password: str, corp_id: str) -> dict[str, str]:
    """The demo's logins; one password, made on this machine. Who leads a region has a phone, too.
    Returns names for `demo.env`."""
    logins = (
        ("HQ_USER", "hq", "何", "静", Role.HQ_ADMIN),
        ("OPERATOR_USER", "operator", "许", "文博", Role.HQ_OPERATOR),
        ("REGION_USER", "region", "沈", "嘉宁", Role.REGION_MANAGER),
        ("AUDITOR_USER", "auditor", "顾", "明", Role.AUDITOR),
    )
    for _key, username, family, given, role in logins:
        user = User(username=username, last_name=family, first_name=given, role=role)
        user.is_staff = True
        user.wecom_userid = HQ_LEAD if role == Role.HQ_ADMIN else ""
        user.set_password(password)
        user.save()
        if role == Role.REGION_MANAGER:
            ScopeGrant.objects.create(user=user, region=Region.objects.get(code=_LED_REGION))
            connect_region_manager(user=user, corp_id=corp_id, wecom_userid=REGION_LEAD)
    return {key: username for key, username, *_rest in logins}
