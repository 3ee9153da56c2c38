"""Pages open for whom they belong to, are 404 for others, and ask as often for many as for few."""

import re
import uuid

import pytest
from django.contrib.auth import get_user_model
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from apps.core import clock
from tests.factories.tasks import buy, deliver, tap
from tests.guide_portal.conftest import open_shop, signed_in


def addresses(shop):
    target, member = shop.targets[0], shop.members[0]
    return {
        "today": reverse("guide_portal:today"),
        "today_live": reverse("guide_portal:today_live"),
        "task": reverse("guide_portal:task", args=[target.task_id]),
        "task_live": reverse("guide_portal:task_live", args=[target.task_id]),
        "target": reverse("guide_portal:target", args=[target.pk]),
        "target_live": reverse("guide_portal:target_live", args=[target.pk]),
        "not_suitable": reverse("guide_portal:not_suitable", args=[target.pk]),
        "customers": reverse("guide_portal:customers"),
        "customer": reverse("guide_portal:customer", args=[member.public_id]),
        "note": reverse("guide_portal:note", args=[member.public_id]),
        "sidebar": reverse("guide_portal:sidebar"),
        "tools": reverse("guide_portal:tools"),
        "me": reverse("guide_portal:me"),
        "messages": reverse("guide_portal:messages"),
    }


def test_every_page_opens_for_its_guide(shop, phone):
    for name, address in addresses(shop).items():
        assert phone.get(address).status_code == 200, name


def test_a_page_carries_a_title_and_no_inline_code(shop, phone):
    for name, address in addresses(shop).items():
        page = phone.get(address).content.decode()
        if not name.endswith("_live"):
            assert re.search("<title>[^<]+</title>", page), name
        assert not re.search(r" (style|on\w+)=", page), name


def test_an_unknown_browser_is_sent_to_sign_in_and_comes_back_to_its_page(shop):
    for address in addresses(shop).values():
        answer = Client().get(address)

        assert answer.status_code == 302
        assert answer.url.startswith(reverse("guide_portal:sign_in") + "?next=%2Fg%2F")


def test_a_colleagues_rows_are_not_there(shop, phone, act):
    target = shop.foreign[0]
    member = shop.others_members[0]
    for name in ("task", "task_live"):
        assert phone.get(reverse(f"guide_portal:{name}", args=[target.task_id])).status_code == 404
    for name in ("target", "target_live", "not_suitable"):
        assert phone.get(reverse(f"guide_portal:{name}", args=[target.pk])).status_code == 404
    for name in ("send_target", "open_chat", "sidebar_sent", "self_report", "not_suitable"):
        answer = phone.post(reverse(f"guide_portal:{name}", args=[target.pk]), act())
        assert answer.status_code == 404, name
    assert (
        phone.post(reverse("guide_portal:send_task", args=[target.task_id]), act()).status_code
        == 404
    )
    for name in ("customer", "note"):
        address = reverse(f"guide_portal:{name}", args=[member.public_id])
        assert phone.get(address).status_code == 404
    for name in ("note", "tag", "visit"):
        answer = phone.post(reverse(f"guide_portal:{name}", args=[member.public_id]), act())
        assert answer.status_code == 404, name


def test_a_manager_reads_the_stores_customers_but_works_only_on_own_targets(shop, managers_phone):
    member, target = shop.members[0], shop.targets[0]

    assert (
        managers_phone.get(reverse("guide_portal:customer", args=[member.public_id])).status_code
        == 200
    )
    assert managers_phone.get(reverse("guide_portal:target", args=[target.pk])).status_code == 404


def test_team_tasks_are_for_managers(shop, phone, managers_phone):
    address = reverse("guide_portal:team")

    assert phone.get(address).status_code == 403
    assert managers_phone.get(address).status_code == 200


def test_pages_that_are_nowhere_are_404(shop, phone):
    assert phone.get(reverse("guide_portal:target", args=[2**40])).status_code == 404
    assert phone.get(reverse("guide_portal:customer", args=[uuid.uuid4()])).status_code == 404


def test_pages_are_never_kept_by_the_phone(shop, phone):
    answer = phone.get(reverse("guide_portal:today"))

    assert "no-store" in answer["Cache-Control"]


def test_an_hq_login_alone_opens_no_guide_page(shop):
    user = get_user_model().objects.create_user("hq", password="x", role="hq_admin")
    client = Client()
    client.force_login(user)

    assert client.get(reverse("guide_portal:today")).status_code == 302


def test_today_shows_who_and_why_and_counts_to_an_end(shop, phone):
    deliver(shop.targets[0], shop.now)
    tap(shop.targets[1], shop.now)
    buy(shop.members[0], shop.store, shop.now)

    page = phone.get(reverse("guide_portal:today"))

    today = page.context["today"]
    assert (today.done, today.total, today.day.to_contact) == (1, 3, 1)
    assert [card.target_id for card in today.first] == [shop.targets[2].pk]
    assert today.waits is True
    assert 'hx-trigger="every 4s"' in page.content.decode()


def test_nothing_is_asked_again_once_nothing_waits(shop, phone):
    for target in shop.targets:
        deliver(target, shop.now)

    page = phone.get(reverse("guide_portal:today")).content.decode()

    assert "hx-trigger" not in page


def queries_of(client, address):
    client.get(address)  # the first look writes that the task was seen
    with CaptureQueriesContext(connection) as found:
        assert client.get(address).status_code == 200
    return len(found)


@pytest.mark.parametrize(
    "name",
    ["today", "task", "target", "customers", "customer", "me", "messages", "tools", "sidebar"],
)
def test_a_page_asks_as_often_for_many_customers_as_for_few(db, fixed_clock, name):
    few, many = (open_shop(fixed_clock, friends=size, guides=1) for size in (3, 9))
    for shop in (few, many):
        tap(shop.targets[0], shop.now)
        deliver(shop.targets[1], shop.now)
        buy(shop.members[0], shop.store, shop.now)

    counted = [queries_of(signed_in(shop.guide), addresses(shop)[name]) for shop in (few, many)]

    assert counted[0] == counted[1] <= 12


def test_the_team_page_asks_as_often_for_many_guides_as_for_few(db, fixed_clock):
    few, many = (open_shop(fixed_clock, friends=2, guides=size) for size in (1, 5))
    address = reverse("guide_portal:team")

    counted = [queries_of(signed_in(shop.manager), address) for shop in (few, many)]

    assert counted[0] == counted[1] <= 12


def test_the_story_goes_on_earlier(shop, phone):
    address = reverse("guide_portal:customer", args=[shop.members[0].public_id])
    moment = clock.now().isoformat()

    assert phone.get(address, {"before": moment}).status_code == 200
    assert phone.get(address, {"before": "yesterday"}).status_code == 200
