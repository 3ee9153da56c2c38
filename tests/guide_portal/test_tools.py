"""工具 and 我的: scripts with results and authors, a guide's own words, pages with own links."""

import re
from datetime import timedelta
from types import SimpleNamespace

import pytest
from django.core.cache import cache
from django.urls import reverse

from apps.guide_portal.team import rate_words_if_any
from apps.outreach.models import (
    ContentAsset,
    GuideNotice,
    MessageTemplate,
    ScriptProposal,
    TrackedLink,
)
from apps.reports.scripts import ScriptResult
from tests.factories.facts import make_store
from tests.factories.outreach import make_asset

SCRIPTS, PROPOSE = reverse("guide_portal:scripts"), reverse("guide_portal:propose_script")
MATERIALS, APPROVALS = reverse("guide_portal:materials"), reverse("guide_portal:approvals")
BODY = "{称呼}，{门店}到了新靴，{尺码}给你留着。"


@pytest.fixture(autouse=True)
def _counted_anew():
    cache.delete("reports:scripts")
    yield
    cache.delete("reports:scripts")


@pytest.fixture
def offered(shop, phone, act):
    assert phone.post(PROPOSE, act(name="留码", body=BODY)).status_code == 302
    return ScriptProposal.objects.get()


def decide(client, proposal, act, how, **fields):
    return client.post(reverse(f"guide_portal:{how}_script", args=[proposal.pk]), act(**fields))


def test_the_best_script_stands_first_and_what_is_too_young_has_no_place(shop, phone):
    good, plain, young = (
        MessageTemplate.objects.create(name=name, body="您好") for name in ("甲", "乙", "丙")
    )
    cache.set(
        "reports:scripts",
        {
            plain.pk: ScriptResult(issued=200, delivered=150, purchased=6),
            good.pk: ScriptResult(issued=200, delivered=150, purchased=30),
            young.pk: ScriptResult(issued=9, delivered=9, purchased=9),
        },
    )

    shelf = phone.get(SCRIPTS).context["page"].scripts

    assert [(one.name, one.place) for one in shelf[:3]] == [("甲", 1), ("乙", 2), ("丙", None)]
    assert shelf[0].rate == "15%"


def test_a_script_is_ready_to_paste_without_anybodys_name_in_it(shop, phone):
    MessageTemplate.objects.create(name="留码", body=BODY)

    (text,) = [one.text for one in phone.get(SCRIPTS).context["page"].scripts if one.name == "留码"]

    assert text == f"您，{shop.store.name}到了新靴，合适的尺码给你留着。"


def test_another_stores_script_is_not_offered(shop, phone):
    MessageTemplate.objects.create(name="别家的", body="您好", store=make_store())
    MessageTemplate.objects.create(name="收起的", body="您好", is_active=False)

    assert not {"别家的", "收起的"} & {
        one.name for one in phone.get(SCRIPTS).context["page"].scripts
    }


def test_a_script_taken_in_stands_under_its_authors_name(shop, phone, managers_phone, offered, act):
    assert "留码" in managers_phone.get(APPROVALS).content.decode()

    decide(managers_phone, offered, act, "take")

    taken = MessageTemplate.objects.get(name="留码")
    assert (taken.author, taken.store, taken.generic_body) == (shop.guide, shop.store, "")
    (mine,) = [one for one in phone.get(SCRIPTS).context["page"].scripts if one.name == "留码"]
    assert (mine.is_mine, mine.by) == (True, shop.guide.name)
    assert GuideNotice.objects.filter(guide=shop.guide, source=offered.source).count() == 1


def test_a_script_not_taken_comes_back_with_the_reason(shop, phone, managers_phone, offered, act):
    decide(managers_phone, offered, act, "refuse", reason="不要承诺留货")

    assert "不要承诺留货" in phone.get(SCRIPTS).content.decode()
    assert not MessageTemplate.objects.filter(name="留码").exists()


@pytest.mark.parametrize("reason", ["", " ", "好" * 201])
def test_not_taken_wants_a_reason_that_fits(shop, managers_phone, offered, act, reason):
    page = managers_phone.post(
        reverse("guide_portal:refuse_script", args=[offered.pk]), act(reason=reason), follow=True
    )

    assert "请写明原因，200 字以内" in page.content.decode()
    offered.refresh_from_db()
    assert offered.state == ScriptProposal.State.WAITING


def test_the_same_form_twice_is_one_proposal_and_one_answer(shop, phone, managers_phone, act):
    form = act(name="留码", body=BODY)
    phone.post(PROPOSE, form)
    phone.post(PROPOSE, form)
    (offered,) = ScriptProposal.objects.all()
    decide(managers_phone, offered, act, "take")
    decide(managers_phone, offered, act, "take")

    assert MessageTemplate.objects.filter(name="留码").count() == 1


def test_a_word_nobody_can_fill_in_is_refused_and_what_was_written_stays(shop, phone, act):
    answer = phone.post(PROPOSE, act(name="错", body="{昵称}你好"))

    assert answer.status_code == 409
    assert "{昵称}你好" in answer.content.decode()
    assert not ScriptProposal.objects.exists()


def test_a_guide_decides_nothing_and_a_manager_of_another_store_sees_nothing(
    shop, phone, offered, act
):
    assert decide(phone, offered, act, "take").status_code == 403


def test_a_page_carries_the_guides_own_link_made_once(shop, phone):
    asset = make_asset(title="秋冬新靴")
    over = make_asset(title="过期了")
    ContentAsset.objects.filter(pk=over.pk).update(valid_until=shop.now - timedelta(days=1))
    page = phone.get(MATERIALS).content.decode()
    phone.get(MATERIALS)

    links = TrackedLink.objects.filter(guide=shop.guide, asset=asset)

    assert links.count() == 1
    assert links[0].code in page
    assert "过期了" not in page
    opened = phone.get(reverse("outreach:content", args=[links[0].code])).content.decode()
    assert shop.guide.name in opened


def test_openings_of_a_shared_page_are_counted(shop, phone, client, settings):
    settings.WECOM_OAUTH_IN_ANY_BROWSER = False
    make_asset(title="秋冬新靴")
    phone.get(MATERIALS)
    link = TrackedLink.objects.filter(guide=shop.guide).latest("pk")
    for _one in range(2):
        client.get(reverse("outreach:link", args=[link.code]))

    rows = {row.title: row.opened for row in phone.get(MATERIALS).context["rows"]}

    assert sorted(rows.values())[-1] == 2


def test_my_page_says_the_view_of_its_sales_and_shows_nobody_else(shop, phone):
    page = phone.get(reverse("guide_portal:me")).content.decode()

    assert re.search(r'data-count="me.net">¥0<', page)
    assert shop.colleague.name not in page


def test_there_is_no_line_of_dashes_before_anything_was_due():
    nothing = SimpleNamespace(completion_rate=None, raw_rate=None, excused_rate=None)
    all_excused = SimpleNamespace(completion_rate=None, raw_rate=0.0, excused_rate=1.0)

    assert rate_words_if_any(nothing) == ""
    assert rate_words_if_any(all_excused) == "不剔除不适用时 0%，不适用占 100%"


def test_a_managers_tools_stand_on_shelves_and_a_guides_are_fewer(shop, phone, managers_phone):
    mine, led = (one.get(reverse("guide_portal:tools")) for one in (phone, managers_phone))
    names = [[shelf.name for shelf in page.context["shelves"]] for page in (mine, led)]
    assert names == [
        ["", "客户", "话术与素材"],
        ["", "团队今天", "客户", "话术与素材", "人员与排班"],
    ]
    assert "待审批" not in mine.content.decode()
    for shelf in led.context["shelves"]:
        for tool in shelf.tools:
            assert managers_phone.get(tool.to).status_code == 200
