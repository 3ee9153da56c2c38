"""Every page of guides and store managers for everybody: contrast, targets, names, keyboard, type.

The pages are found by walking their links, so that a new page is measured from its first day. Each
is opened once and measured in both themes, at the widths of a small phone, a phone and a tablet, in
the care theme, and at twice the type.
"""

import contextlib
import re
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest
from playwright.sync_api import TimeoutError as PlaywrightTimeout

from tests.browser.conftest import PHONE

MEASURE = Path(__file__).with_name("accessible.js").read_text()
WIDTHS = (360, 390, 768)
STARTS = ("/g/", "/g/customers/", "/g/tools/", "/g/me/", "/g/sidebar/")
# signing out would end the walk; answers for machines and pictures are no pages
LEFT_OUT = re.compile(r"^/g/(sign-|complaints/photos/|.*(live|photo)/$)")
LINKS = "() => [...document.querySelectorAll('a[href]')].map((one) => one.href)"
OPEN_FOLDS = "() => document.querySelectorAll('details').forEach((one) => { one.open = true })"
# colours are judged where they end, not on their way
STILL = {"reduced_motion": "reduce"}


def kind_of(path):
    """/g/targets/81/ and /g/targets/82/ are one page."""
    return re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}|\d+", "*", path)


def sign_in(phone, demo, userid):
    # what the page before still asks for must not come as somebody else
    phone.wait_for_load_state("networkidle")
    there = quote(f"{demo.url}/g/sign-in/", safe="")
    phone.goto(f"{demo.sim}/open?as={quote(f'guide:{userid}')}&url={there}")
    phone.wait_for_url(f"{demo.url}/g/**")


def measure(page, **ask):
    return page.evaluate(MEASURE, {"ring": False, **ask})


def dress(page, *, theme, care=False, type_percent=""):
    page.evaluate(
        """([theme, care, size]) => {
          const root = document.documentElement;
          root.dataset.theme = theme;
          root.toggleAttribute("data-care", care);
          root.style.fontSize = size;
        }""",
        [theme, care, type_percent],
    )


def faults_of(page):
    """Everything wrong with the page that is open, each with the dress it shows in."""
    found = {}
    page.evaluate(OPEN_FOLDS)
    for theme in ("light", "dark"):
        dress(page, theme=theme)
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 712})
            found[f"{theme} {width}"] = measure(page)
    page.set_viewport_size(PHONE)
    for theme in ("light", "dark"):
        dress(page, theme=theme, care=True)
        found[f"care {theme}"] = measure(page)
    dress(page, theme="light", type_percent="200%")
    found["twice the type"] = measure(page)
    dress(page, theme="light")
    page.keyboard.press("Tab")  # from here on the browser shows where the keyboard is
    found["keyboard"] = measure(page, ring=True)
    first_in = {}
    for dressed, faults in found.items():
        for fault in faults:
            first_in.setdefault(fault, dressed)
    return [f"[{dressed}] {fault}" for fault, dressed in first_in.items()]


def walk(phone, demo):
    """Open one page of each kind that links lead to; kind → faults."""
    waiting, found = list(STARTS), {}
    while waiting:
        path = waiting.pop(0)
        kind = kind_of(urlsplit(path).path)
        if kind in found or LEFT_OUT.match(kind):
            continue
        phone.goto(f"{demo.url}{path}")
        if kind_of(urlsplit(phone.url).path) != kind or phone.locator("main").count() == 0:
            found[kind] = []  # led on to another page, or a file
            continue
        with contextlib.suppress(PlaywrightTimeout):  # what the phone draws by itself; told below
            phone.locator("main h1").first.wait_for(state="attached", timeout=30_000)
        for link in phone.evaluate(LINKS):
            if link.startswith(f"{demo.url}/g/"):
                waiting.append(link.removeprefix(demo.url).partition("#")[0])
        found[kind] = faults_of(phone)
    return found


def busy_guide(phone, demo):
    """Sign in as a guide with customers on 今日, so that the pages have something to show."""
    phones = demo.phones
    for one in phones.get("/sim/guides", limit=200)["guides"]:
        userid = one["userid"]
        if phones.get(f"/sim/phones/guides/{userid}")["notices"]:
            sign_in(phone, demo, userid)
            if phone.locator("article.card a[href*='/g/targets/']").count():
                return userid
    raise AssertionError("No guide has a customer to contact.")


def told(found):
    return "\n".join(
        f"{kind}\n  " + "\n  ".join(faults) for kind, faults in found.items() if faults
    )


@pytest.fixture
def still_phone(phone):
    phone.emulate_media(**STILL)
    return phone


def test_every_page_of_a_guide(still_phone, demo):
    busy_guide(still_phone, demo)

    found = walk(still_phone, demo)

    assert {"/g/", "/g/targets/*/", "/g/tasks/*/", "/g/customers/*/"} <= set(found)
    assert not told(found), told(found)


def test_every_page_of_a_store_manager(still_phone, demo):
    store = busy_guide(still_phone, demo).partition("_")[0]
    sign_in(still_phone, demo, f"{store}_00")

    found = walk(still_phone, demo)

    assert "/g/team/" in found
    assert not told(found), told(found)
