"""发券 in a real browser at 360 px: one tap gives the coupon and leaves the message."""

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from apps.core import clock
from apps.loyalty.models import CouponIssue
from apps.outreach.models import Dispatch
from tests.factories.coupons import make_coupon
from tests.guide_portal.conftest import open_page

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]


def test_one_tap_gives_the_coupon(street, screen):
    coupon = make_coupon(clock.now())
    member = street.targets[0].member
    open_page(screen, street, reverse("guide_portal:coupons", args=[member.public_id]))
    button = screen.locator(f"#coupon-{coupon.pk} button")
    assert button.bounding_box()["height"] >= 44
    assert screen.evaluate("document.documentElement.scrollWidth") == 360

    button.click()

    expect(screen.locator(".tip.ok")).to_be_visible()
    expect(screen.locator(f"#coupon-{coupon.pk} [aria-disabled]")).to_be_visible()
    issue = CouponIssue.objects.get()
    assert (issue.coupon, issue.member, issue.guide) == (coupon, member, street.guide)
    assert coupon.name in Dispatch.objects.get().text
