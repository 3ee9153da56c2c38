"""The foot of the four main pages: where one is, and how many are still to contact."""

import ast
import re
from pathlib import Path

import pytest
from django.urls import reverse

from apps.guide_portal.urls import urlpatterns
from apps.guide_portal.views import base
from tests.guide_portal.conftest import signed_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def counted(monkeypatch):
    """How often the number on the foot was asked for."""
    asked = []
    real = base.badge
    monkeypatch.setattr(base, "badge", lambda **of: asked.append(of) or real(**of))
    return asked


@pytest.mark.parametrize(
    ("page", "tab", "times"),
    [("today", "today", 0), ("customers", "customers", 1), ("tools", "tools", 1), ("me", "me", 1)],
)
def test_a_page_says_where_it_stands_and_counts_at_most_once(shop, counted, page, tab, times):
    html = signed_in(shop.guide).get(reverse(f"guide_portal:{page}")).content.decode()

    assert f'<a href="{reverse(f"guide_portal:{tab}")}" aria-current="page">' in html
    assert html.count('class="tabs"') == 1
    assert f"</span>{len(shop.targets)}</span>" in html.split('id="badge"')[1]
    assert len(counted) == times


def test_more_rows_have_no_foot_and_count_nobody(shop, counted):
    address = reverse("guide_portal:customers") + f"?after={shop.members[0].public_id}"

    html = signed_in(shop.guide).get(address, headers={"HX-Request": "true"}).content.decode()

    assert 'class="tabs"' not in html
    assert not counted


def test_every_page_with_a_foot_says_where_it_stands_and_has_one_title(shop):
    """Of all pages that need no number in their address, as a manager sees them; most are empty."""
    phone, standing = signed_in(shop.manager), set()
    for page in urlpatterns:
        if "<" in str(page.pattern) or page.name == "offline":  # which stands for any page
            continue
        html = phone.get(reverse(f"guide_portal:{page.name}")).content.decode()
        foot = html.partition('class="tabs"')[2]
        if foot:
            assert 'aria-current="page"' in foot, page.name
            shown = re.sub(r"<template.*?</template>", "", html, flags=re.DOTALL)
            assert shown.count("<h1") == 1, page.name
            standing.add(page.name)
    assert {"news", "first_days", "stock_requests", "morning", "duty"} <= standing


def test_a_page_is_rendered_as_itself():
    """By `GuidePage.render`, which passes the page on; a foot without its page says nothing. Only
    what is shown to somebody who is no guide at work yet has no page to pass."""
    plain = {
        (file.stem, part.name)
        for file in Path(base.__file__).parent.glob("*.py")
        for part in ast.parse(file.read_text()).body
        for call in ast.walk(part)
        if isinstance(call, ast.Call) and getattr(call.func, "id", "") == "render"
    }

    assert plain == {
        ("base", "GuidePage"),
        ("base", "blank_page"),
        ("phone", "Offline"),
        ("sign_in", "_not_live"),
        ("sign_in", "_outside"),
        ("sign_in", "_which_corp"),
    }
