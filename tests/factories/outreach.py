"""A store with guides and WeCom friends, here and in the simulator, and sends to them."""

import itertools
from datetime import timedelta

from apps.accounts.actor import SYSTEM
from apps.core import clock
from apps.members import services as members
from apps.members.models import Member, ServingPeriod
from apps.outreach import services as outreach
from apps.outreach.models import ContentAsset
from apps.wecom.services import ensure_demo_corp
from tests.conftest import WECOM
from tests.factories.facts import make_guide, make_store

CORP = WECOM["WECOM_CORP_ID"]
_numbers = itertools.count(1)


def connect_corp():
    return ensure_demo_corp(environment=WECOM).corp


def make_friends(guide, count=1, *, simulator=None, consent=True, serving=True, since=None):
    """Members who are this guide's WeCom friends, served by them, consenting; as told."""
    since = since or clock.now() - timedelta(days=30)
    externals = [f"wmFriend{next(_numbers):06d}" for _one in range(count)]
    rows = [
        members.MemberRow(
            identities=[("external_userid", guide.corp_id, external)],
            name="林晓雯",
            consents=[members.ConsentRow("wecom_marketing", "v1", "pos", since)] if consent else [],
        )
        for external in externals
    ]
    found = members.resolve_members(rows=rows, now=since, source="test", actor=SYSTEM)
    ids = [one.member_id for one in found]
    members.start_follows(
        rows=[
            members.FollowRow(guide.corp_id, guide.pk, member_id, external, since)
            for member_id, external in zip(ids, externals, strict=True)
        ],
        now=since,
    )
    if not serving:
        ServingPeriod.objects.filter(member_id__in=ids).delete()
    if simulator is not None:
        seed(simulator, guide, externals, since)
    by_id = Member.objects.in_bulk(ids)
    return [(by_id[member_id], ext) for member_id, ext in zip(ids, externals, strict=True)]


def seed(simulator, guide, externals=(), since=None):
    since = int((since or clock.now() - timedelta(days=30)).timestamp())
    simulator.post(
        "/sim/seed",
        departments=[{"id": 1, "name": "总部"}],
        users=[{"userid": guide.wecom_userid, "name": guide.name, "department": [1]}],
        customers=[
            {
                "external_userid": external,
                "name": "微信用户",
                "follows": [{"userid": guide.wecom_userid, "createtime": since}],
            }
            for external in externals
        ],
    )


def make_posted_guide(userid="", *, simulator=None):
    guide = make_guide(make_store(), userid, corp=CORP)
    if simulator is not None:
        seed(simulator, guide)
    return guide


def make_asset(**fields):
    return ContentAsset.objects.create(
        **{"title": "秋冬新款到店", "body": "新款跑鞋到店，欢迎试穿。", **fields}
    )


def request_send(guide, friends, *, now=None, idem_key="", sources=None, **changes):
    now = now or clock.now() - timedelta(seconds=2)
    number = next(_numbers)
    sources = sources or [f"test_target:{number}:{place}" for place in range(len(friends))]
    defaults = {
        "guide": guide,
        "recipients": [
            (member.pk, external, source)
            for (member, external), source in zip(friends, sources, strict=True)
        ],
        "text": "您好，秋冬新款到了。",
        "asset": None,
        "source": f"test:{number}",
        "idem_key": idem_key or f"test:{number}",
        "not_before": now,
        "expires_at": now + timedelta(days=3),
        "marketing": True,
        "now": now,
        "actor": SYSTEM,
    }
    return outreach.request_mass_send(**{**defaults, **changes})
