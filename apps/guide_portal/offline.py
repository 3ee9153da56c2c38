"""The files a phone keeps so that pages open without network: ours alone, nobody in them."""

import hashlib
from functools import cache

from django.contrib.staticfiles.storage import staticfiles_storage

SCRIPTS = tuple(f"guide_portal/offline/{name}.js" for name in ("store", "queue", "pages", "phone"))
WORKER = "guide_portal/offline/worker.js"
ASSETS = (
    "guide_portal/portal.css",
    "guide_portal/portal.js",
    "guide_portal/icons.svg",
    "django_htmx/htmx-2.min.js",
    *SCRIPTS,
)


def file_addresses() -> list[str]:
    return [staticfiles_storage.url(name) for name in ASSETS]


@cache
def files_version() -> str:
    """Changes when one of the files does, because their addresses carry their hashes."""
    all_of_them = "|".join([*file_addresses(), staticfiles_storage.url(WORKER)])
    return hashlib.sha256(all_of_them.encode()).hexdigest()[:12]
