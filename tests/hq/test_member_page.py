import pytest
from django.test import Client
from django.urls import reverse

from apps.accounts.models import AuditEntry, User
from apps.core import pii
from apps.members import selectors
from apps.members.models import LookUp, LookUpAlert, MemberIdentity, StopMark
from tests.factories.facts import make_member
from tests.factories.tasks import buy, deliver, hand_out, members_of, target_of


def phone_of(member):
    return pii.decrypt(MemberIdentity.objects.get(member=member, kind="phone").value_enc)


@pytest.fixture
def member(team):
    return members_of(team)[0]


def page_of(client, member, query=""):
    return client.get(reverse("hq:member", args=[member.public_id]) + query)


def test_page_shows_the_story_masked(admin_client, team, member, fixed_clock):
    push = hand_out([member], fixed_clock, title="秋冬回访")
    deliver(target_of(push, member), fixed_clock)

    page = page_of(admin_client, member)

    text = page.content.decode()
    assert "秋冬回访" in text
    assert member.name not in text
    assert phone_of(member) not in text
    assert selectors.masked_name(member) in text
    kinds = [line.mark for line in page.context["lines"]]
    assert kinds.count("touch") >= 2
    assert all(line.source for line in page.context["lines"])


@pytest.mark.parametrize(
    "tab", ["timeline", "people", "orders", "tags", "consents", "tasks", "nonsense"]
)
def test_every_tab_opens(admin_client, team, member, fixed_clock, tab):
    buy(member, team[0][0].postings.get().store, fixed_clock)

    assert page_of(admin_client, member, f"?tab={tab}").status_code == 200


@pytest.mark.parametrize("on", ["9999-12-31", "2026-02-30", "yesterday"])
def test_a_day_that_cannot_be_looked_at_is_said_and_all_are_shown(admin_client, member, on):
    everybody = page_of(admin_client, member, "?tab=people")

    page = page_of(admin_client, member, f"?tab=people&on={on}")

    assert page.status_code == 200
    assert page.context["on"] is None
    assert "这一天没法查" in page.content.decode()
    assert "这一天没法查" not in everybody.content.decode()
    assert list(page.context["follows"]) == list(everybody.context["follows"]) != []


@pytest.mark.parametrize("on", ["0001-01-01", "9999-12-30"])
def test_a_day_far_away_is_a_day(admin_client, member, on):
    assert page_of(admin_client, member, f"?tab=people&on={on}").context["on"].isoformat() == on


def test_the_story_before_no_moment_is_the_story(admin_client, member):
    assert page_of(admin_client, member, "?before=2026-13-45T00:00:00Z").status_code == 200


@pytest.mark.parametrize("kind", ["buy", "touch", "wecom", "tags", "consent", "nonsense"])
def test_timeline_can_be_narrowed(admin_client, member, kind):
    assert page_of(admin_client, member, f"?kind={kind}").status_code == 200


def test_number_is_shown_once_for_a_reason_and_recorded(admin_client, member):
    url = reverse("hq:member_unmask", args=[member.public_id])

    answer = admin_client.post(url, {"reason": "complaint", "note": "AS-1"})
    again = page_of(admin_client, member)

    assert phone_of(member) in answer.content.decode()
    assert phone_of(member) not in again.content.decode()
    entry = AuditEntry.objects.get(action="member.phone_unmasked")
    assert entry.object_id == str(member.pk)
    assert phone_of(member) not in str(entry.detail)


@pytest.mark.parametrize("data", [{}, {"reason": "complaint"}, {"reason": "fun", "note": "x"}])
def test_without_reason_and_case_the_number_stays_hidden(admin_client, member, data):
    answer = admin_client.post(reverse("hq:member_unmask", args=[member.public_id]), data)

    assert phone_of(member) not in answer.content.decode()
    assert not AuditEntry.objects.filter(action="member.phone_unmasked").exists()


def test_stop_and_lift(admin_client, member):
    url = reverse("hq:member_stop", args=[member.public_id])

    admin_client.post(url, {"stop": "1"})
    standing = StopMark.objects.current().filter(member=member).count()
    admin_client.post(url, {"lift": "1"})

    assert standing == 1
    assert not StopMark.objects.current().filter(member=member).exists()


def test_a_member_is_found_by_phone_without_an_address_that_says_it(admin_client, member):
    answer = admin_client.post(reverse("hq:find_member"), {"q": phone_of(member)})

    assert answer.url == reverse("hq:member", args=[member.public_id])


def test_a_member_is_found_by_last_four_digits_and_name(admin_client, member):
    by_tail = admin_client.post(reverse("hq:find_member"), {"q": phone_of(member)[-4:]})
    by_name = admin_client.post(reverse("hq:find_member"), {"q": "林晓雯"})

    assert by_tail.url == reverse("hq:member", args=[member.public_id])
    assert len(by_name.context["rows"]) == 6


def test_head_offices_own_look_ups_are_counted_bounded_and_told(admin_client, member, settings):
    settings.LOOKUPS_AN_HOUR = 2
    find, asked = reverse("hq:find_member"), phone_of(member)
    for words in ("林晓雯", str(member.public_id)):  # names and our own ids are no look-ups
        admin_client.post(find, {"q": words})
    assert not LookUp.objects.exists()

    for words in (asked, asked[-4:]):
        admin_client.post(find, {"q": words})
    kinds = LookUp.objects.order_by("pk").values_list("kind", "own")
    assert list(kinds) == [("phone", 1), ("last_four", 1)]
    for _time in range(2):
        answer = admin_client.post(find, {"q": asked})
        assert answer.url == reverse("admin:members_member_changelist")

    assert LookUp.objects.count() == 2
    alert = LookUpAlert.objects.get()
    assert alert.guide is None
    assert AuditEntry.objects.filter(action="member.lookup_limit").count() == 1
    (shown,) = admin_client.get(reverse("hq:access")).context["alerts"]
    person = User.objects.get(pk=int(alert.actor.removeprefix("user:")))
    assert (shown.who, shown.looked) == (person.get_full_name() or person.get_username(), 2)
    assert admin_client.post(find, {"q": "林晓雯"}).status_code == 200


def test_a_merged_member_opens_as_the_survivor(admin_client, member):
    absorbed = make_member()
    type(absorbed).objects.filter(pk=absorbed.pk).update(survivor_id=member.pk)

    page = page_of(admin_client, absorbed)

    assert page.context["member"].pk == member.pk


def test_queries_do_not_grow_with_the_story(
    admin_client, team, member, fixed_clock, django_assert_max_num_queries
):
    store = team[0][0].postings.get().store
    buy(member, store, fixed_clock)
    page_of(admin_client, member)
    with django_assert_max_num_queries(100) as few:
        page_of(admin_client, member)
    for _number in range(6):
        buy(member, store, fixed_clock)
    with django_assert_max_num_queries(100) as many:
        page_of(admin_client, member)

    assert len(many) <= len(few)


@pytest.mark.parametrize("act", ["add", "remove"])
def test_a_tag_that_cannot_be_one_changes_nothing(admin_client, member, act):
    answer = admin_client.post(
        reverse("hq:member_tag", args=[member.public_id]), {"tag": "9" * 23, act: "1"}
    )

    assert answer.status_code == 302


def test_a_sign_that_no_text_holds_is_told_at_the_door(admin_client, member):
    client = Client(raise_request_exception=False)
    client.force_login(User.objects.get(pk=admin_client.session["_auth_user_id"]))

    typed = client.post(reverse("hq:find_member"), {"q": "林\0"})
    asked = client.get(reverse("admin:cases_servicecase_changelist"), {"holder__exact": "\0"})

    assert [typed.status_code, asked.status_code] == [400, 400]
    assert "请返回" in typed.content.decode()
