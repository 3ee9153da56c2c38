"""A second corp beside the first: in the simulator's process, and connected here."""

from datetime import timedelta

from apps.accounts.actor import SYSTEM
from apps.core import clock
from apps.members import services as members
from apps.wecom.services import connect_corp
from tests.factories.facts import make_guide, make_store

CORP, AGENT = "wwsecond00000002", 1000009
SECRET = "second-app-secret"


def connect_second(simulator):
    """The corp row, after the simulator plays it too."""
    simulator.post(
        "/sim/corps", corp_id=CORP, name="二号企业", agents=[{"agentid": AGENT, "secret": SECRET}]
    )
    endpoint = connect_corp(
        corp_id=CORP, corp_name="二号企业", agent_id=AGENT, secret=SECRET, token="secondtoken",
        aes_key="abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG", slug="second",
    )  # fmt: skip
    return endpoint.corp


def make_guide_of_second(simulator, userid="", *, externals=()):
    """A guide at work in a store of the second corp, with friends there, and known to WeCom."""
    store = make_store()
    store.corp_id = CORP
    store.save(update_fields=["corp_id"])
    guide = make_guide(store, userid, corp=CORP)
    since = clock.now() - timedelta(days=30)
    for external in externals:
        row = members.MemberRow(identities=[("external_userid", CORP, external)], name="林晓雯")
        (known,) = members.resolve_members(rows=[row], now=since, source="test", actor=SYSTEM)
        follow = members.FollowRow(CORP, guide.pk, known.member_id, external, since)
        members.start_follows(rows=[follow], now=since)
    follows = [{"userid": guide.wecom_userid, "createtime": int(since.timestamp())}]
    simulator.post(
        f"/sim/seed?corp={CORP}",
        departments=[{"id": 1, "name": "总部"}],
        users=[{"userid": guide.wecom_userid, "name": guide.name, "department": [1]}],
        customers=[
            {"external_userid": external, "name": "微信用户", "follows": follows}
            for external in externals
        ],
    )
    return guide
