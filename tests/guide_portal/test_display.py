"""Light, dark, large type: chosen once, in the first byte of every page, of this phone alone."""

import re

from django.contrib.staticfiles import finders
from django.urls import reverse

TODAY, DISPLAY = "guide_portal:today", "guide_portal:display"


def root_of(answer):
    return re.search(r"<html[^>]*>", answer.content.decode())[0]


def style():
    with open(finders.find("guide_portal/portal.css"), encoding="utf-8") as file:
        return file.read()


def test_nobody_chose_so_the_page_follows_the_phone(phone):
    assert root_of(phone.get(reverse(TODAY))) == '<html lang="zh-CN">'


def test_what_is_chosen_stands_in_the_first_byte_of_every_page(phone):
    answer = phone.post(reverse(DISPLAY), {"theme": "dark", "care": "1"})

    assert answer.status_code == 302
    for name in ("today", "me", "tools", "sidebar", "customers", "display"):
        page = phone.get(reverse(f"guide_portal:{name}"))
        assert root_of(page) == '<html lang="zh-CN" data-theme="dark" data-care>', name


def test_back_to_the_phones_own_way(phone):
    phone.post(reverse(DISPLAY), {"theme": "dark", "care": "1"})
    phone.post(reverse(DISPLAY), {"theme": ""})

    assert root_of(phone.get(reverse(TODAY))) == '<html lang="zh-CN">'


def test_the_choice_stays_on_guide_pages_and_out_of_scripts_reach(phone):
    cookie = phone.post(reverse(DISPLAY), {"theme": "light"}).cookies["look"]

    assert (cookie["path"], cookie["httponly"], cookie["samesite"]) == ("/g/", True, "Lax")


def test_a_cookie_that_is_not_ours_is_no_attribute(phone):
    phone.cookies["look"] = "pink.huge"

    assert root_of(phone.get(reverse(TODAY))) == '<html lang="zh-CN">'


def test_a_theme_that_is_none_is_refused(phone):
    assert phone.post(reverse(DISPLAY), {"theme": "pink"}).status_code == 400


def test_dark_by_choice_and_dark_by_the_phone_are_the_same_colours():
    chosen = re.search(r"\n\[data-theme=dark\] \{(.*?)\n\}", style(), re.S)[1]
    followed = re.search(r":root:not\(\[data-theme\]\) \{(.*?)\n  \}", style(), re.S)[1]

    assert chosen.split() == followed.split()


def test_type_grows_as_a_whole():
    """A size in px would stay small in the care theme and under a phone's own large type."""
    assert re.findall(r"(?:font-size|line-height):\s*[\d.]+px", style()) == []
