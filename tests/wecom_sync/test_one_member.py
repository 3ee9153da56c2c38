"""A till's member and a friend in WeCom with the same unionid are one, whoever comes first."""

import pytest
from django.test import Client

from apps.accounts.services import create_api_key
from apps.core import clock
from apps.members.models import FollowRelation, Member, MemberIdentity
from apps.wecom_sync.services import handle_callbacks
from tests.factories.facts import make_phone
from tests.wecom_sync.test_callbacks import ADD, friend

pytestmark = pytest.mark.django_db
UNIONID = "oOneAndTheSame1"


@pytest.fixture
def till(db):
    """Tell the inbound API of a member who has a phone and a unionid."""
    _row, key = create_api_key(
        name="till", scopes=["api_write_members"], created_by=None, chain_wide=True
    )

    def tell():
        item = {
            "phone": make_phone(),
            "name": "林晓雯",
            "identities": [{"kind": "unionid", "value": UNIONID}],
        }
        answer = Client().post(
            "/api/v1/members/batch",
            {"items": [item]},
            content_type="application/json",
            headers={"Authorization": f"Bearer {key}", "Idempotency-Key": "one"},
        )
        assert answer.status_code == 200, answer.content
        assert answer.json()["results"][0]["error"] is None

    return tell


@pytest.mark.parametrize("till_first", [True, False])
def test_the_apis_member_and_wecoms_friend_are_one(till_first, till, guide, simulator, told):
    def befriend():
        told(ADD, guide, "wmNew1", friend(simulator, guide, unionid=UNIONID))
        handle_callbacks(now=clock.now())

    for tell in (till, befriend) if till_first else (befriend, till):
        tell()

    member = Member.objects.get()
    assert FollowRelation.objects.get().member_id == member.pk
    kinds = MemberIdentity.objects.filter(member=member).values_list("kind", flat=True)
    assert set(kinds) == {"phone", "unionid", "external_userid"}
    assert kinds.count() == 3
