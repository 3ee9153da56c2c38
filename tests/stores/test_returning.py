"""A leave that was none, told by WeCom or pressed by mistake, is taken back by head office."""

import pytest
from django.test import Client
from django.urls import reverse

from apps.accounts.capabilities import Role
from apps.accounts.models import AuditEntry, User
from apps.core import clock
from apps.stores.models import Guide
from apps.stores.services import guide_leaves, user_of_guide
from tests.factories.facts import make_guide, make_store

pytestmark = pytest.mark.django_db
LIST = reverse("admin:stores_guide_changelist")


@pytest.fixture
def leaver():
    guide = make_guide(make_store())
    user_of_guide(guide=guide)
    guide_leaves(guide=guide, now=clock.now(), on=clock.today())
    return Guide.objects.select_related("user").get(pk=guide.pk)


def say_back(role, guide):
    client = Client()
    client.force_login(User.objects.create(username=role, role=role))
    return client.post(LIST, {"action": "is_back", "_selected_action": [guide.pk]})


def test_who_is_back_signs_in_again_and_it_is_recorded_once(leaver):
    assert not leaver.user.is_active

    say_back(Role.HQ_ADMIN, leaver)

    leaver.refresh_from_db()
    leaver.user.refresh_from_db()
    assert (leaver.status, leaver.left_at) == (Guide.Status.ACTIVE, None)
    assert leaver.user.is_active
    client = Client()
    client.force_login(User.objects.get(username=Role.HQ_ADMIN))
    client.post(LIST, {"action": "is_back", "_selected_action": [leaver.pk]})
    entry = AuditEntry.objects.get(action="guide.returned")
    assert entry.object_id == str(leaver.pk)


def test_who_may_not_say_that_somebody_left_may_not_bring_them_back(leaver):
    say_back(Role.HQ_OPERATOR, leaver)

    leaver.refresh_from_db()
    assert leaver.status == Guide.Status.LEFT
    assert not AuditEntry.objects.exists()
