import pytest
from django.test import Client
from django.urls import reverse

from apps.accounts.actor import SYSTEM
from apps.accounts.capabilities import Role
from apps.accounts.models import User
from apps.core import pii
from apps.guide_tasks.models import TaskPush
from apps.members import services as members
from apps.members.models import MemberIdentity
from apps.profiles.services import refresh_profiles
from apps.segments.services import save_segment
from tests.factories.facts import make_phone
from tests.factories.tasks import make_team, members_of


def make_user(role, name=""):
    return User.objects.create(
        username=name or str(role), last_name="何", first_name="静", role=role
    )


def signed_in(role):
    client = Client()
    client.force_login(make_user(role))
    return client


@pytest.fixture
def admin_client(db, fixed_clock):
    return signed_in(Role.HQ_ADMIN)


@pytest.fixture
def operator_client(db, fixed_clock):
    return signed_in(Role.HQ_OPERATOR)


def give_phone(member, now):
    """A friend of WeCom's whose number a till brings."""
    external = MemberIdentity.objects.get(member=member, kind="external_userid")
    rows = [
        members.MemberRow(
            identities=[
                ("external_userid", external.scope, pii.decrypt(external.value_enc)),
                ("phone", "", make_phone()),
            ]
        )
    ]
    members.resolve_members(rows=rows, now=now, source="pos", actor=SYSTEM)


@pytest.fixture
def team(db, fixed_clock):
    """One store, two guides, three consenting friends each."""
    found = make_team(fixed_clock, guides=2, friends=3)
    for member in members_of(found):
        give_phone(member, fixed_clock)
    refresh_profiles(member_ids=[member.pk for member in members_of(found)], now=fixed_clock)
    return found


@pytest.fixture
def segment(team):
    """All friends."""
    rule = {"op": "and", "items": [{"field": "is_friend", "operator": "is", "value": True}]}
    return save_segment(name="好友", definition=rule, actor=SYSTEM).segment


@pytest.fixture
def draft(operator_client, segment):
    """A push begun in the wizard."""
    operator_client.post(reverse("hq:push_new"), {"segment": segment.pk})
    return TaskPush.objects.get()
