"""What every page of ours must be: Chinese, quiet in the console, no wider than the screen."""

import contextlib
import os
import re
import signal
from pathlib import Path

from tests.conftest import PROJECT

SHOTS = PROJECT / "docs" / "screenshots"
MAKE_SHOTS = os.environ.get("README_SCREENSHOTS") == "1"
LARGEST_SHOT = 200 * 1024

# text a person sees or hears read out, without the names of icons
VISIBLE_TEXT = """() => {
  const icons = '.ms, .material-symbols-outlined, script, style, noscript, code, pre';
  const words = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const holder = walker.currentNode.parentElement;
    if (!holder || holder.closest(icons)) continue;
    if (holder.closest('option') || holder.checkVisibility()) words.push(walker.currentNode.data);
  }
  for (const one of document.querySelectorAll('[placeholder], [aria-label], [title], [alt]')) {
    // what a script of the theme labels by itself
    if (one.matches('.simplebar-content-wrapper')) continue;
    for (const name of ['placeholder', 'aria-label', 'title', 'alt']) {
      words.push(one.getAttribute(name) || '');
    }
  }
  words.push(document.title);
  return words.join('\\n');
}"""
CONTENT_REPORTS = """document.addEventListener('securitypolicyviolation', (event) => {
  console.error(`content policy: ${event.violatedDirective} ${event.blockedURI}`);
});"""

# names, formats and the like that Chinese pages write in Latin letters
LATIN = {
    "admin", "api", "cdnow", "csv", "demo", "hq", "http", "https", "json", "operator", "rfm",
    "sku", "xlsx", "jpeg", "png", "ods", "html", "tsv", "yaml", "xls", "openapi",
}  # fmt: skip
# addresses, logins, public ids (and the eight signs people read of one), codes: not sentences
NOT_WORDS = re.compile(
    r"https?://\S+|\S*[\d_/{}@]\S*|\b\w+\.(?:py|css|js|csv|env)\b|\b[0-9a-f]{8}\b"
)


def english_in(text, allowed=()):
    """Words of English that a Chinese page still shows."""
    plain = NOT_WORDS.sub(" ", text)
    words = {word.lower() for word in re.findall(r"[A-Za-z]{3,}", plain)}
    return sorted(words - LATIN - set(allowed))


def kill_browser(mark):
    """The browser that was started with this argument, and no other."""
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            if mark in line and "--type=" not in line:
                os.kill(int(entry.name), signal.SIGKILL)


def press(page, button):
    """Press what leads to another page, and wait for it."""
    with page.expect_navigation():
        button.click()


def look(page, *, allowed=()):
    """Judge the page as it stands."""
    where = page.url
    language = page.evaluate("document.documentElement.lang").lower()
    assert language.startswith("zh"), f"{where}: lang is {language!r}"
    wide = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    assert wide <= 0, f"{where}: {wide} px wider than the screen"
    text = page.evaluate(VISIBLE_TEXT)
    left = english_in(text, allowed)
    assert not left, f"{where}: English is left: {left}"
    return text


def shot(page, name, *, height=None):
    """A picture for the README, only when asked for: a usual run leaves the tree alone."""
    if not MAKE_SHOTS:
        return
    page.evaluate("document.activeElement && document.activeElement.blur()")
    page.mouse.move(0, 0)
    path = SHOTS / f"{name}.png"
    SHOTS.mkdir(exist_ok=True)
    size = page.viewport_size
    if height:
        page.set_viewport_size({"width": size["width"], "height": height})
    page.screenshot(path=path, animations="disabled")
    page.set_viewport_size(size)
    assert path.stat().st_size < LARGEST_SHOT, f"{name} is too large for the README"


def number(page, name):
    """A figure the page marks for readers of pages."""
    words = page.locator(f'[data-count="{name}"]').first.inner_text()
    return int(re.sub(r"[^\d-]", "", words))
