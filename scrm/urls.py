"""Every address of the product. A room's own addresses live in its `urls.py`."""

from importlib.util import find_spec

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path

# prefix, module
ROOMS = [
    ("", "apps.core.urls"),
    ("", "apps.accounts.urls"),
    ("wecom/", "apps.wecom.urls"),
    ("l/", "apps.outreach.urls"),
    ("c/", "apps.contact_codes.urls"),
    ("api/v1/", "apps.ingest.urls"),
    ("g/", "apps.guide_portal.urls"),
    ("m/", "apps.member_portal.urls"),
    ("", "apps.hq.urls"),
]

urlpatterns: list[URLPattern | URLResolver] = [
    path(prefix, include(module)) for prefix, module in ROOMS if find_spec(module)
]
# after hq: its own pages under /admin/ come before the admin site's catch-all
urlpatterns.append(path("admin/", admin.site.urls))
