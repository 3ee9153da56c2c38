"""本店说法: a manager says head office's script the store's own way; its guides read it."""

from datetime import timedelta

import pytest
from django.core.cache import cache
from django.urls import reverse

from apps.accounts.models import AuditEntry
from apps.guide_tasks.models import State, TaskTarget
from apps.outreach.models import Dispatch, MessageTemplate, ScriptVariant
from apps.reports.scripts import ScriptResult, count_variants
from tests.factories.facts import make_store
from tests.guide_portal.conftest import make_manager, open_shop, signed_in

SCRIPTS = reverse("guide_portal:scripts")
HQ_BODY, HQ_ALL = "{称呼}，{门店}到了新靴。", "{门店}到了新靴，来看看。"
OURS, OURS_ALL = "{称呼}，咱{门店}的新靴到货啦，给您留一双？", "{门店}新靴到货啦，街坊来试。"


@pytest.fixture(autouse=True)
def _counted_anew():
    cache.delete_many(["reports:scripts", "reports:script_variants"])
    yield
    cache.delete_many(["reports:scripts", "reports:script_variants"])


@pytest.fixture
def script(db):
    return MessageTemplate.objects.create(
        name="新靴到店", body=HQ_BODY, generic_body=HQ_ALL, stores_may_edit=True
    )


@pytest.fixture
def shop(script, fixed_clock):
    """A store whose push carries the script as it is."""
    return open_shop(fixed_clock, template=script, body=HQ_BODY, generic_body=HQ_ALL)


def words(script, act, **fields):
    texts = {"body": OURS, "generic_body": OURS_ALL, "seen": script.words_mark}
    return act(**{**texts, **fields})


def address(script, what="word_script"):
    return reverse(f"guide_portal:{what}", args=[script.pk])


@pytest.fixture
def worded(shop, script, managers_phone, act):
    assert managers_phone.post(address(script), words(script, act)).status_code == 302
    return ScriptVariant.objects.get()


def shelf_text(phone, name="新靴到店"):
    (found,) = [one for one in phone.get(SCRIPTS).context["page"].scripts if one.name == name]
    return found.text


def target_text(phone, shop):
    page = phone.get(reverse("guide_portal:target", args=[shop.targets[0].pk]))
    return page.context["text"]


def test_guides_read_the_stores_words_in_the_task_and_in_the_library(shop, phone, worded):
    task = phone.get(reverse("guide_portal:task", args=[shop.targets[0].task_id]))

    assert "新靴到货啦，给您留一双" in target_text(phone, shop)
    assert "街坊来试" in task.content.decode()
    assert "街坊来试" in shelf_text(phone)


def test_outside_of_tasks_too_guides_read_the_stores_words(shop, phone, worded):
    TaskTarget.objects.update(state=State.EXPIRED)
    MessageTemplate.objects.create(name="别家的", body="别家的话", store=make_store())
    address = reverse("guide_portal:message", args=[shop.members[0].public_id])

    page = phone.get(f"{address}?script={worded.script_id}").content.decode()

    assert "给您留一双" in page
    assert "别家的" not in page


def test_what_is_sent_is_what_was_read(shop, phone, worded, act, simulator):
    phone.post(reverse("guide_portal:send_target", args=[shop.targets[0].pk]), act())
    phone.post(reverse("guide_portal:send_task", args=[shop.targets[0].task_id]), act())

    one, everybody = Dispatch.objects.order_by("pk").values_list("text", flat=True)
    assert "新靴到货啦，给您留一双" in one
    assert "街坊来试" in everybody


def test_another_store_reads_head_offices_words(worded, script, fixed_clock):
    other = open_shop(fixed_clock, template=script, body=HQ_BODY, generic_body=HQ_ALL)

    assert "给您留一双" not in target_text(signed_in(other.guide), other)
    assert "街坊" not in shelf_text(signed_in(other.guide))


def test_what_head_office_wrote_for_one_push_stays(script, fixed_clock, act):
    shop = open_shop(fixed_clock, template=script, body="{称呼}，今天双倍积分。")
    manager = signed_in(shop.manager)
    manager.post(address(script), words(script, act))

    assert "今天双倍积分" in target_text(signed_in(shop.guide), shop)


def test_a_changed_script_of_head_office_counts_until_it_is_worded_again(
    shop, phone, managers_phone, worded, script, act
):
    MessageTemplate.objects.filter(pk=script.pk).update(generic_body="{门店}换季了，来看看。")

    assert "换季了" in shelf_text(phone)
    page = managers_phone.get(address(script))
    assert page.context["page"].generic_body == "{门店}换季了，来看看。"
    late = managers_phone.post(address(script), words(script, act))
    assert late.status_code == 409
    assert ScriptVariant.objects.get().base_generic_body == HQ_ALL


@pytest.mark.parametrize("body", ["到货啦", "{称呼}，{门店}最佳新靴", "{称呼}{门店}" + "很" * 300])
def test_outside_the_limits_nothing_is_kept_and_what_was_written_stays(
    shop, managers_phone, script, act, body
):
    answer = managers_phone.post(address(script), words(script, act, body=body))

    assert answer.status_code == 409
    assert body in answer.content.decode()
    assert not ScriptVariant.objects.exists()


def test_a_script_head_office_has_not_opened_is_not_there(shop, managers_phone, script, act):
    MessageTemplate.objects.filter(pk=script.pk).update(stores_may_edit=False)

    assert managers_phone.get(address(script)).status_code == 404
    assert managers_phone.post(address(script), words(script, act)).status_code == 404
    assert "word_script" not in managers_phone.get(SCRIPTS).content.decode()


def test_closing_a_script_to_stores_brings_head_offices_words_back(shop, phone, worded, script):
    MessageTemplate.objects.filter(pk=script.pk).update(stores_may_edit=False)

    assert "街坊" not in shelf_text(phone)
    assert "给您留一双" not in target_text(phone, shop)


def test_a_guide_words_nothing(shop, phone, script, act):
    assert phone.post(address(script), words(script, act)).status_code == 403
    assert address(script) not in phone.get(SCRIPTS).content.decode()


def test_back_to_head_offices_words(shop, phone, managers_phone, worded, script, act):
    assert address(script) in managers_phone.get(SCRIPTS).content.decode()

    managers_phone.post(address(script, "drop_wording"), act())

    assert "街坊" not in shelf_text(phone)
    assert list(
        AuditEntry.objects.filter(object_type="script_variant").order_by("pk").values_list(
            "action", flat=True
        )
    ) == ["script_variant.written", "script_variant.withdrawn"]  # fmt: skip


def test_the_same_form_twice_is_one_wording(shop, managers_phone, script, act):
    form = words(script, act)
    managers_phone.post(address(script), form)
    managers_phone.post(address(script), form)

    assert ScriptVariant.objects.count() == 1
    assert AuditEntry.objects.filter(action="script_variant.written").count() == 1


def test_own_words_are_counted_from_the_work_handed_out_with_them(
    worded, shop, script, fixed_clock, managers_phone
):
    later = fixed_clock + timedelta(hours=1)
    other = open_shop(fixed_clock, template=script, body=HQ_BODY, generic_body=HQ_ALL)
    ScriptVariant.objects.update(since=shop.push.handed_out_at - timedelta(minutes=1))
    TaskTarget.objects.filter(pk=shop.targets[0].pk).update(purchased_at=fixed_clock)

    found = count_variants(now=later)[worded.pk]

    own, elsewhere = len(shop.targets) + len(shop.foreign), len(other.targets) + len(other.foreign)
    assert found.own == ScriptResult(issued=own, purchased=1)
    assert found.chain == ScriptResult(issued=elsewhere)
    page = managers_phone.get(address(script)).context["page"]
    assert f"（{own} 人）" in page.compared


def test_work_handed_out_before_the_words_stood_is_nobodys(worded, shop, fixed_clock):
    ScriptVariant.objects.update(since=fixed_clock + timedelta(minutes=1))

    found = count_variants(now=fixed_clock + timedelta(hours=1))[worded.pk]

    assert (found.own.issued, found.chain.issued) == (0, 0)


def test_a_manager_of_two_stores_words_where_they_stand(shop, script, act, fixed_clock):
    stranger = signed_in(make_manager(open_shop(fixed_clock).store, fixed_clock))

    stranger.post(address(script), words(script, act))

    assert ScriptVariant.objects.get().store_id != shop.store.pk


def test_words_that_are_too_long_are_kept_and_the_page_says_how_long(
    shop, script, managers_phone, act
):
    long = "好" * 1001

    page = managers_phone.post(address(script), words(script, act, body=long))

    text = page.content.decode()
    assert (page.status_code, long in text) == (409, True)
    assert "最多 1000 个字" in text
    assert not ScriptVariant.objects.exists()
