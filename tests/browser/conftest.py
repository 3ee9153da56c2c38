"""The whole product, started as a newcomer starts it, and people with browsers in front of it."""

import contextlib
import uuid

import pytest
from playwright.sync_api import Error

from tests.browser.demo import Demo
from tests.browser.screen import CONTENT_REPORTS, kill_browser

DESK = {"width": 1280, "height": 860}
PHONE = {"width": 360, "height": 712}


def _place(path):
    """What takes one process longest begins first. The walk reads the demo as a newcomer finds it;
    the loop's people come after everybody else's."""
    if "tests/browser/" not in path:
        return 3
    return 0 if path.endswith("test_walk.py") else 2 if path.endswith("test_loop.py") else 1


def pytest_collection_modifyitems(items):
    """One demo serves all of these: whoever runs tests side by side keeps them together."""
    for item in items:
        if "tests/browser/" in item.path.as_posix():
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.slow)
            item.add_marker(pytest.mark.timeout(420))
            item.add_marker(pytest.mark.xdist_group("demo"))
    items.sort(key=lambda item: _place(item.path.as_posix()))


@pytest.fixture(scope="session")
def demo(tmp_path_factory):
    """Our own demo on free ports. Its folder's parents can be entered by the services' account."""
    folder = tmp_path_factory.mktemp("demo")
    for parent in (folder, *folder.parents):
        if parent == folder.parents[-1] or parent.as_posix() == "/tmp":
            break
        parent.chmod(0o755)
    found = Demo(folder / "data")
    try:
        found.start()
        yield found
    finally:
        found.stop()


@pytest.fixture
def own_browser(browser_type, browser_type_launch_args):
    """A browser process for one test, killed at its end.

    Asked to close a context, Chromium may wait for ever for a service worker that was starting.
    """
    mark = f"--of-test={uuid.uuid4()}"
    found = browser_type.launch(**{**browser_type_launch_args, "args": [mark]})
    yield found
    kill_browser(mark)
    with contextlib.suppress(Error):  # it is dead
        found.close()


@pytest.fixture
def open_browser(own_browser):
    """Browsers for several people; a console error or a content policy report fails the test."""
    complaints = []

    def hear(message):
        if message.type == "error":
            complaints.append(f"{message.location.get('url', '')}: {message.text}")

    def open_one(size):
        context = own_browser.new_context(
            viewport=size, locale="zh-CN", timezone_id="Asia/Shanghai", accept_downloads=True
        )
        context.grant_permissions(["clipboard-read", "clipboard-write"])
        context.add_init_script(CONTENT_REPORTS)
        context.on("console", hear)
        context.on("weberror", lambda error: complaints.append(str(error.error)))
        context.set_default_timeout(30_000)
        return context.new_page()

    yield open_one
    assert complaints == []


@pytest.fixture
def desk(open_browser, demo):
    """Head office at its desk, signed in through the form."""
    page = open_browser(DESK)
    page.goto(f"{demo.url}/admin/")
    page.fill("[name=username]", demo.words["HQ_USER"])
    page.fill("[name=password]", demo.words["HQ_PASSWORD"])
    page.locator("[name=password]").press("Enter")
    page.wait_for_url("**/admin/")
    return page


@pytest.fixture
def phone(open_browser):
    """A phone of 360 px, in nobody's hand yet."""
    return open_browser(PHONE)
