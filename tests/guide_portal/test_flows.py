"""Everything a guide does, as a browser without scripts does it: a form, a redirect, a page."""

import re

import pytest
from django.contrib.messages import get_messages
from django.urls import reverse

from apps.guide_tasks.models import Grade, State, TaskTarget
from apps.members.models import Interaction, MemberNote, StopMark
from apps.outreach.models import Dispatch
from apps.stores.services import guide_leaves
from apps.tagging.models import MemberTags, TagGroup
from tests.factories.tasks import settle
from tests.guide_portal.conftest import open_shop, signed_in


def fresh(target):
    return TaskTarget.objects.get(pk=target.pk)


def at(name, *args):
    return reverse(f"guide_portal:{name}", args=args)


def said(answer):
    return [str(message) for message in get_messages(answer.wsgi_request)]


def hidden_fields(page, action):
    """The fields of the page's form with this action, as a browser would send them."""
    forms = re.findall(r"<form[^>]*>.*?</form>", page.content.decode(), re.DOTALL)
    (form,) = [form for form in forms if f'action="{action}"' in form]
    found = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', form)
    texts = re.findall(r'<textarea[^>]*name="(\w+)"[^>]*>([^<]*)</textarea>', form)
    return dict(found + texts)


def test_send_one_personal_text(shop, phone):
    target = shop.targets[0]
    page = phone.get(at("target", target.pk))
    fields = hidden_fields(page, at("send_target", target.pk))
    fields["text"] = "林女士，给您留了一双。"

    answer = phone.post(at("send_target", target.pk), fields)

    assert answer.url == at("target", target.pk)
    dispatch = Dispatch.objects.get()
    assert dispatch.text.startswith("林女士，给您留了一双。")
    assert fresh(target).state == State.TO_VERIFY
    after = phone.get(answer.url)
    assert after.context["card"].is_waiting is True
    assert "hx-trigger" in after.content.decode()


def test_the_same_form_sent_twice_is_one_send(shop, phone, act):
    target, fields = shop.targets[0], act(text="你好")

    for _tap in range(3):
        phone.post(at("send_target", target.pk), fields)

    assert Dispatch.objects.count() == 1


def test_a_second_form_while_wecom_has_not_answered_is_told_so(shop, phone, act):
    target = shop.targets[0]
    phone.post(at("send_target", target.pk), act())

    answer = phone.post(at("send_target", target.pk), act())

    assert answer.status_code == 302
    assert len(said(answer)) == 1
    assert Dispatch.objects.count() == 1


def test_a_refused_text_stays_on_the_page(shop, phone, act):
    target = shop.targets[0]

    answer = phone.post(at("send_target", target.pk), act(text="给您留了 {没有的变量}"))

    assert answer.status_code == 409
    page = answer.content.decode()
    assert "给您留了 {没有的变量}</textarea>" in page
    assert "不是可用变量" in page
    assert Dispatch.objects.count() == 0


def test_send_to_all_of_the_task_at_once(shop, phone):
    task = shop.targets[0].task_id
    page = phone.get(at("task", task))
    assert page.context["page"].way == "all"

    answer = phone.post(at("send_task", task), hidden_fields(page, at("send_task", task)))

    assert Dispatch.objects.get().recipients.count() == 3
    after = phone.get(answer.url).context["page"]
    assert (after.todo, len(after.rows)) == ([], 3)


def test_one_by_one_moves_on_by_itself(shop, phone):
    task = shop.targets[0].task_id
    for turn in (1, 2, 3):
        page = phone.get(at("task", task), {"way": "each"})
        shown = page.context["page"]
        assert (shown.turn, shown.turns) == (turn, 3)
        action = at("send_target", shown.next.target_id)

        answer = phone.post(action, hidden_fields(page, action))

        assert answer.url == at("task", task) + "?way=each"
    assert Dispatch.objects.count() == 3


def test_what_wecom_gives_back_can_be_sent_again(shop, phone, act):
    target = shop.targets[0]
    phone.post(at("send_target", target.pk), act())
    settle(Dispatch.objects.get(), "refused", shop.now)

    live = phone.get(at("target_live", target.pk))
    page = phone.get(at("target", target.pk))

    assert live.headers["HX-Refresh"] == "true"
    assert page.context["card"].can_send is True


def test_not_suitable_takes_one_tap_and_can_be_undone(shop, phone, act):
    target = shop.targets[0]

    answer = phone.post(at("not_suitable", target.pk), act(reason="moved_away"), follow=True)

    assert fresh(target).excuse_reason == "moved_away"
    undo = at("undo_excuse", target.pk)
    phone.post(undo, hidden_fields(answer, undo))
    assert fresh(target).state == State.OPEN


def test_a_replayed_excuse_does_not_come_back_after_its_undo(shop, phone, act):
    target, fields = shop.targets[0], act(reason="moved_away")
    phone.post(at("not_suitable", target.pk), fields)
    phone.post(at("undo_excuse", target.pk), act())

    phone.post(at("not_suitable", target.pk), fields)

    assert fresh(target).state == State.OPEN


def test_a_stop_for_everybody_asks_again_first(shop, phone, act):
    target = shop.targets[0]

    asked = phone.post(at("not_suitable", target.pk), act(reason="asked_to_stop"))

    assert asked.status_code == 200
    assert not StopMark.objects.exists()
    phone.post(at("not_suitable", target.pk), act(reason="asked_to_stop", confirmed="1"))
    assert StopMark.objects.current().get().member_id == target.member_id
    record = phone.get(at("customer", shop.members[0].public_id)).context["page"]
    assert record.sending.href == record.sending.off == ""


@pytest.mark.parametrize("reason", ["", "bought_without_contact", "delivered", "💥"])
def test_a_reason_nobody_offers_is_asked_again(shop, phone, act, reason):
    target = shop.targets[0]

    answer = phone.post(at("not_suitable", target.pk), act(reason=reason))

    assert answer.status_code == 400
    assert fresh(target).state == State.OPEN


def test_a_form_without_its_id_does_nothing(shop, phone):
    target = shop.targets[0]
    for name in ("send_target", "open_chat", "self_report", "sidebar_sent", "undo_excuse"):
        answer = phone.post(at(name, target.pk), {"client_id": "not-an-id"})
        assert answer.status_code == 400, name
    assert phone.post(at("send_task", target.task_id), {}).status_code == 400
    assert fresh(target).contact_grade == Grade.NONE


def test_an_opened_chat_is_initiated_and_an_own_word_is_self_reported(shop, phone, act):
    first, second, _third = shop.targets

    phone.post(at("open_chat", first.pk), act())
    phone.post(at("self_report", second.pk), act())

    assert fresh(first).contact_grade == Grade.INITIATED
    assert fresh(second).contact_grade == Grade.SELF_REPORTED
    assert phone.get(at("target", first.pk)).context["card"].chip.tone == "wait"


def test_a_note_by_a_chip_is_kept_once(shop, phone, act):
    address, fields = at("note", shop.members[0].public_id), act(chip="有意向")

    for _tap in range(2):
        answer = phone.post(address, fields)

    assert answer.url.endswith("#notes")
    assert MemberNote.objects.count() == 1
    page = phone.get(at("customer", shop.members[0].public_id))
    assert page.context["page"].notes[0]["body"] == "有意向"


def test_an_empty_note_keeps_the_page(shop, phone, act):
    answer = phone.post(at("note", shop.members[0].public_id), act(body="  "))

    assert answer.status_code == 400
    assert not MemberNote.objects.exists()


def test_a_note_written_on_today_leads_back_there(shop, phone, act):
    fields = act(body="下周来", target=shop.targets[0].pk)

    answer = phone.post(at("note", shop.members[0].public_id), fields)

    assert answer.url == at("today")


def test_a_tag_takes_one_tap(shop, phone, act, tag):
    member = shop.members[0]

    phone.post(at("tag", member.public_id), act(tag=tag.pk))

    assert MemberTags.objects.get(pk=member.pk).tags == [tag.pk]


def test_a_tag_that_guides_may_not_apply_is_not_there(shop, phone, act, tag):
    TagGroup.objects.update(guides_may_apply=False)

    answer = phone.post(at("tag", shop.members[0].public_id), act(tag=tag.pk))

    assert answer.status_code == 404
    assert not MemberTags.objects.exists()


def test_a_visit_is_noted_once(shop, phone, act):
    fields = act()

    for _tap in range(2):
        phone.post(at("visit", shop.members[0].public_id), fields)

    assert Interaction.objects.filter(kind="visit").count() == 1


def test_search_finds_own_customers_by_name_and_never_puts_words_into_the_address(shop, phone):
    answer = phone.post(at("customers"), {"words": "晓雯"})

    assert answer.status_code == 200
    assert len(answer.context["rows"]) == 3


def test_search_by_last_four_digits_stays_in_scope(shop, phone):
    shop.members[0].phone_last4 = "5678"
    shop.members[0].save()
    shop.others_members[0].phone_last4 = "5678"
    shop.others_members[0].save()

    rows = phone.post(at("customers"), {"words": "5678"}).context["rows"]

    assert [row.person.pk for row in rows] == [shop.members[0].pk]


def test_the_list_goes_on_page_by_page(db, fixed_clock):
    shop = open_shop(fixed_clock, friends=25, guides=1)
    phone = signed_in(shop.guide)

    first = phone.get(at("customers"))
    second = phone.get(at("customers"), {"after": first.context["more"]})

    found = [row.person.pk for page in (first, second) for row in page.context["rows"]]
    assert len(found) == len(set(found)) == 25


def test_a_manager_reminds_three_times_a_day_and_no_more(shop, managers_phone, act):
    task = shop.targets[0].task
    for _time in range(3):
        managers_phone.post(at("chase"), act(task=[task.pk], push=shop.push.pk))

    answer = managers_phone.post(at("chase"), act(task=[task.pk], push=shop.push.pk))

    task.refresh_from_db()
    assert task.chases == 3
    assert said(answer)[-1] != said(answer)[0]  # told why, not thanked again
    rows = managers_phone.get(at("team")).context["page"].need_help
    assert {row.guide.guide_id: row.guide.chases_left for row in rows}[shop.guide.pk] == 0


def test_a_manager_of_another_store_reminds_nobody_here(shop, act, fixed_clock):
    other = signed_in(open_shop(fixed_clock, friends=1, guides=1).manager)

    answer = other.post(at("chase"), act(task=[shop.targets[0].task_id], push=shop.push.pk))

    assert answer.status_code == 404


def test_a_guide_who_left_has_no_pages_any_more(shop, phone):
    guide_leaves(guide=shop.guide, now=shop.now, on=shop.now.date())

    assert phone.get(at("today")).status_code == 302


def test_sign_out_ends_the_session(shop, phone):
    phone.post(at("sign_out"))

    assert phone.get(at("today")).status_code == 302


def test_the_sidebar_opens_on_the_chats_customer_and_notes_what_was_sent(shop, phone, act):
    target = shop.targets[0]
    fields = {"external_userid": target.external_userid}
    htmx = {"HTTP_HX_REQUEST": "true"}

    card = phone.post(at("sidebar_contact"), fields, **htmx)
    sent = phone.post(at("sidebar_sent", target.pk), act(), **htmx)

    assert card.context["page"].can_send is True
    assert sent.status_code == 200
    assert fresh(target).contact_grade == Grade.INITIATED


def test_the_sidebar_knows_nobody_it_should_not(shop, phone):
    for external in (shop.foreign[0].external_userid, "wmNobody", ""):
        answer = phone.post(at("sidebar_contact"), {"external_userid": external})

        assert answer.context["page"] is None


def test_without_scripts_the_sidebar_leads_to_the_customers_page(shop, phone):
    fields = {"external_userid": shop.targets[0].external_userid}

    answer = phone.post(at("sidebar_contact"), fields)

    assert answer.url == at("customer", shop.members[0].public_id)


def test_a_refusal_reaches_a_page_that_runs_scripts_too(shop, phone, act):
    target = shop.targets[0]
    stop = act(reason="asked_to_stop", confirmed="1")
    phone.post(at("not_suitable", target.pk), stop)

    answer = phone.post(at("sidebar_sent", target.pk), act(), HTTP_HX_REQUEST="true")

    assert answer.headers["HX-Retarget"] == "#say"
    assert fresh(target).contact_grade == Grade.NONE
