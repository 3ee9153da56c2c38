"""话术 at head office: guides' scripts on their way to the chain, stores' own wordings."""

import uuid

import pytest
from django.core.cache import cache
from django.urls import reverse

from apps.accounts.actor import SYSTEM
from apps.accounts.capabilities import Role
from apps.accounts.models import AuditEntry
from apps.outreach import services as outreach
from apps.outreach.models import GuideNotice, MessageTemplate, ScriptProposal, ScriptVariant
from apps.reports.scripts import ScriptResult
from apps.stores.models import Posting
from tests.guide_portal.conftest import signed_in as phone_of
from tests.hq.conftest import signed_in

PROPOSALS, VARIANTS = reverse("hq:script_proposals"), reverse("hq:script_variants")

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _counted_anew():
    cache.delete_many(["reports:scripts", "reports:script_variants"])
    yield
    cache.delete_many(["reports:scripts", "reports:script_variants"])


@pytest.fixture
def guide(team):
    return team[0][0]


@pytest.fixture
def store(guide):
    return Posting.objects.get(guide=guide).store


def propose(guide, store, now, name="留码"):
    return outreach.propose_script(
        guide=guide,
        store=store,
        name=name,
        body="{门店}给你留着。",
        client_id=uuid.uuid4(),
        now=now,
    )


@pytest.fixture
def taken(guide, store, fixed_clock):
    """A guide's script in the library of the store."""
    proposal = propose(guide, store, fixed_clock)
    outreach.take_script(proposal=proposal, actor=SYSTEM, now=fixed_clock)
    proposal.refresh_from_db()
    return proposal


def decide(client, proposal, **fields):
    return client.post(reverse("hq:decide_proposal", args=[proposal.pk]), fields)


def test_the_list_shows_author_store_text_and_what_the_script_did(
    operator_client, guide, store, taken
):
    results = {taken.template_id: ScriptResult(issued=80, delivered=60, purchased=12)}
    cache.set("reports:scripts", results)

    page = operator_client.get(PROPOSALS)

    (one,) = page.context["rows"]
    assert (one["row"], one["result"].purchased, one["place"]) == (taken, 12, 1)
    shown = page.content.decode()
    assert all(words in shown for words in (guide.name, store.name, "给你留着", "15.0%"))


def test_a_script_opened_to_the_chain_keeps_its_author(operator_client, guide, taken):
    decide(operator_client, taken, open="yes")

    script = MessageTemplate.objects.get(pk=taken.template_id)
    assert (script.store, script.author) == (None, guide)
    assert GuideNotice.objects.filter(guide=guide, source__endswith=":chain").count() == 1
    assert AuditEntry.objects.filter(action="script_proposal.chain_opened").count() == 1
    assert operator_client.get(PROPOSALS).context["rows"] == []


def test_a_script_kept_from_the_chain_stays_with_its_store_and_the_guide_reads_why(
    operator_client, guide, store, taken
):
    decide(operator_client, taken, open="no", why="只适合商场店")

    taken.refresh_from_db()
    assert (taken.chain, taken.chain_refusal) == ("refused", "只适合商场店")
    assert MessageTemplate.objects.get(pk=taken.template_id).store == store
    shelf = phone_of(guide).get(reverse("guide_portal:scripts")).content.decode()
    assert "只适合商场店" in shelf


def test_the_home_page_says_that_a_script_waits(operator_client, taken, settings):
    def links():
        return [row.link for row in operator_client.get("/admin/").context["todos"]]

    assert PROPOSALS in links()
    settings.MODULES_OFF = ["scripts"]
    assert PROPOSALS not in links()
    assert operator_client.get(PROPOSALS).status_code == 404
    settings.MODULES_OFF = []
    decide(operator_client, taken, open="yes")
    assert PROPOSALS not in links()


def test_without_a_reason_nothing_is_decided(operator_client, taken):
    decide(operator_client, taken, open="no", why=" ")

    taken.refresh_from_db()
    assert taken.chain == ""


def test_head_office_decides_once_and_after_the_store(operator_client, guide, store, taken):
    waiting = propose(guide, store, taken.created_at, name="还没看")
    decide(operator_client, waiting, open="yes")
    decide(operator_client, taken, open="no", why="不")
    decide(operator_client, taken, open="yes")

    waiting.refresh_from_db()
    assert (waiting.state, waiting.chain) == ("waiting", "")
    assert MessageTemplate.objects.get(pk=taken.template_id).store == store


def test_who_only_reads_decides_nothing(db, fixed_clock, taken):
    auditor = signed_in(Role.AUDITOR)

    assert auditor.get(PROPOSALS).status_code == 200
    assert decide(auditor, taken, open="yes").status_code == 403


# --- stores' own wordings -------------------------------------------------------------------------


def make_variant(script, store, now, body="{称呼}，咱家新靴到啦。"):
    return ScriptVariant.objects.create(
        script=script,
        store=store,
        body=body,
        base_body=script.body,
        written_by="店长",
        since=now,
    )


@pytest.fixture
def worded(store, fixed_clock):
    script = MessageTemplate.objects.create(
        name="新靴到店", body="{称呼}，新靴到了。", stores_may_edit=True
    )
    return make_variant(script, store, fixed_clock)


def test_head_office_sees_each_wording_beside_its_own(operator_client, worded, store):
    page = operator_client.get(VARIANTS, {"script": worded.script_id})

    shown = page.content.decode()
    assert [one["row"] for one in page.context["rows"]] == [worded]
    assert all(words in shown for words in (store.name, worded.body, worded.base_body))
    scripts = operator_client.get(reverse("admin:outreach_messagetemplate_changelist"))
    assert f"?script={worded.script_id}" in scripts.content.decode()


def test_a_withdrawn_wording_says_why(operator_client, worded):
    address = reverse("hq:withdraw_variant", args=[worded.pk])
    operator_client.post(address, {"why": " "})
    worded.refresh_from_db()
    assert worded.withdrawn_at is None

    operator_client.post(address, {"why": "承诺了留货"})

    worded.refresh_from_db()
    assert (worded.why, worded.withdrawn_at is not None) == ("承诺了留货", True)
    assert AuditEntry.objects.filter(action="script_variant.withdrawn").count() == 1


def test_both_lists_ask_as_much_for_one_row_as_for_ten(
    operator_client, guide, store, fixed_clock, taken, worded, django_assert_max_num_queries
):
    def asked(path):
        with django_assert_max_num_queries(40) as counted:
            operator_client.get(path)
        return len(counted)

    operator_client.get(PROPOSALS), operator_client.get(VARIANTS)  # results and menu are kept
    few = [asked(PROPOSALS), asked(VARIANTS)]
    for number in range(9):
        row = propose(guide, store, fixed_clock, name=f"话术 {number}")
        outreach.take_script(proposal=row, actor=SYSTEM, now=fixed_clock)
        script = MessageTemplate.objects.create(name=f"总部 {number}", body="您好")
        make_variant(script, store, fixed_clock, body="好呀")

    assert [asked(PROPOSALS), asked(VARIANTS)] == few
    assert ScriptProposal.objects.for_chain().count() == 10
