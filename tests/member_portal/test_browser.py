"""The customer's phone at 360 px, in both themes: scan, one number, one box, in."""

import re

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from apps.core import clock
from apps.member_portal.services import contact_codes
from apps.members.invites import make_invite
from apps.members.models import Member
from tests.factories.facts import make_phone

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]

# what is too small to be hit, and what is wider than the phone
SMALL = """() => [...document.querySelectorAll("a, button, input:not([type=hidden])")]
  .filter((one) => !one.closest("label"))
  .filter((one) => one.offsetHeight && one.getBoundingClientRect().height < 43.5)
  .map((one) => one.outerHTML.slice(0, 80))"""


@pytest.fixture
def browser_context_args(browser_context_args):
    return {**browser_context_args, "viewport": {"width": 360, "height": 712}, "locale": "zh-CN"}


def fits(page):
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    assert page.evaluate(SMALL) == []


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_two_taps_and_a_number_and_the_customer_is_in(
    transactional_db, live_server, shop, offer, settings, page, theme
):
    settings.PUBLIC_BASE_URL = live_server.url
    token = make_invite(guide_id=shop.guide.pk, store_id=shop.store.pk, now=clock.now())
    page.emulate_media(color_scheme=theme)
    page.goto(live_server.url + reverse("member_portal:join", args=[token]))
    fits(page)
    expect(page.locator("input[type=checkbox]:checked")).to_have_count(0)

    taps = 0
    page.fill("[name=phone]", make_phone())
    page.check("[data-must]")
    taps += 1
    page.click("[data-join-button]")
    taps += 1

    page.wait_for_url(re.compile(r"/m/welcome/"))
    assert taps == 2
    fits(page)
    assert Member.objects.count() == 1
    contact_codes.make_codes(now=clock.now())
    expect(page.locator("#guide a.btn")).to_be_visible()  # appears by itself
    for name in ("home", "choices", "sign_in"):
        page.goto(live_server.url + reverse(f"member_portal:{name}"))
        fits(page)
    page.goto(live_server.url + reverse("member_portal:choices"))
    page.click("button.danger")
    expect(page.locator(".tip.ok")).to_be_visible()
