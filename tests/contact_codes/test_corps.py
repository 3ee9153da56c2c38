"""With two corps a code is made in the WeCom of those who receive by it."""

from dataclasses import replace

import pytest
from django.urls import reverse

from apps.accounts.actor import SYSTEM
from apps.contact_codes import services as codes
from apps.contact_codes.errors import CorpsMixed
from apps.contact_codes.models import ChannelCode
from apps.contact_codes.services.duty import refresh_duty
from apps.core import clock
from apps.stores.models import Guide, Store
from apps.wecom.services import connect_corp
from tests.factories import corps as second
from tests.factories.facts import make_guide, make_store
from tests.factories.outreach import CORP

pytestmark = pytest.mark.django_db


@pytest.fixture
def stores():
    """A store that names no corp, and one of the second corp, each with a guide."""
    connect_corp(
        corp_id=CORP, corp_name="一号企业", agent_id=1, secret="s", token="t", aes_key="k" * 43,
        slug="one",
    )  # fmt: skip
    connect_corp(
        corp_id=second.CORP, corp_name="二号企业", agent_id=1, secret="s", token="t",
        aes_key="k" * 43, slug="two",
    )  # fmt: skip
    ours, theirs = make_store(), make_store()
    Store.objects.filter(pk=theirs.pk).update(corp_id=second.CORP)
    return ours, theirs


def test_a_batch_makes_each_stores_code_in_its_own_corp(stores, admin_client):
    ours, theirs = stores
    for store, corp in ((ours, CORP), (theirs, second.CORP)):
        make_guide(store, corp=corp)
    fields = {
        "client_id": "6f1f3a60-0000-4000-8000-000000000001", "title": "收银台", "channel": "门店",
    }  # fmt: skip

    admin_client.post(reverse("hq:code_batch"), fields)

    made = dict(ChannelCode.objects.values_list("store_id", "corp_id"))
    assert made == {ours.pk: CORP, theirs.pk: second.CORP}


def test_a_code_belongs_to_the_corp_of_its_guide_or_store(stores):
    ours, theirs = stores
    guide = make_guide(theirs, corp=second.CORP)

    assert codes.corp_of(guide_ids=[guide.pk], store_id=None) == second.CORP
    assert codes.corp_of(guide_ids=[], store_id=theirs.pk) == second.CORP
    assert codes.corp_of(guide_ids=[], store_id=ours.pk) == CORP
    assert codes.corp_of(guide_ids=[], store_id=None) == CORP


def test_people_of_two_corps_share_no_code(stores):
    ours, theirs = stores
    guides = [make_guide(ours, corp=CORP).pk, make_guide(theirs, corp=second.CORP).pk]

    with pytest.raises(CorpsMixed):
        codes.corp_of(guide_ids=guides, store_id=None)


@pytest.fixture
def code(stores):
    """A guide's code in the first corp, and a guide of the second one."""
    ours, theirs = stores
    Store.objects.update(live_since=clock.now())
    guide, other = make_guide(ours, corp=CORP), make_guide(theirs, corp=second.CORP)
    wanted = codes.Wanted(title="名片", channel="门店", kind="guide", guide_id=guide.pk)
    made = codes.create_code(wanted=wanted, corp_id=CORP, actor=SYSTEM, now=clock.now())
    return made, wanted, other


@pytest.mark.parametrize("named", ["backup", "shift"])
def test_nobody_of_another_corp_comes_into_a_code_that_is_changed(code, named):
    made, wanted, other = code
    into = {
        "backup": replace(wanted, backup_id=other.pk),
        "shift": replace(wanted, shifts=[codes.Shift(guide_id=other.pk)]),
    }[named]

    with pytest.raises(CorpsMixed):
        codes.change_code(code_id=made.pk, wanted=into, actor=SYSTEM, now=clock.now())

    assert not made.shifts.exists()
    assert ChannelCode.objects.get(pk=made.pk).backup is None


def test_nobody_of_another_corp_comes_into_a_code_that_is_made(code):
    _made, _wanted, other = code
    wanted = codes.Wanted(title="名片", channel="门店", kind="guide", guide_id=other.pk)

    with pytest.raises(CorpsMixed):
        codes.create_code(wanted=wanted, corp_id=CORP, actor=SYSTEM, now=clock.now())


def test_who_is_named_from_another_corp_receives_nobody(code):
    """The row is older than the question: the name may be a stranger's in the code's corp."""
    made, _wanted, other = code
    ChannelCode.objects.filter(pk=made.pk).update(backup=other)
    Guide.objects.filter(pk=made.guide_id).update(status=Guide.Status.LEFT, left_at=clock.now())

    refresh_duty(now=clock.now())

    assert ChannelCode.objects.get(pk=made.pk).wanted_users == []


def test_a_successor_of_another_corp_gets_no_code(code):
    made, wanted, other = code
    said = {"guide_id": wanted.guide_id, "successor_id": other.pk}

    with pytest.raises(CorpsMixed):
        codes.point_to_successor(**said, actor=SYSTEM, now=clock.now())

    assert ChannelCode.objects.get(pk=made.pk).guide_id == wanted.guide_id
