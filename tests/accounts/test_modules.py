"""A module that is off: no entry, no address, no new work of its kind; the rest stays as it is."""

import re

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.urls import get_resolver, reverse

from apps.accounts import modules
from apps.accounts.capabilities import Role
from apps.accounts.modules import ADDRESSES, KINDS, Module
from apps.guide_tasks.errors import KindIsOff
from tests.factories.items import make_item_push
from tests.guide_portal.conftest import open_shop
from tests.guide_portal.conftest import signed_in as phone_of
from tests.hq.conftest import signed_in

pytestmark = pytest.mark.django_db

# module → pages with an entry that leads to it, and that entry's address
GUIDE_ENTRIES = {
    Module.SCRIPTS: ("guide_portal:tools", "guide_portal:scripts"),
    Module.MATERIALS: ("guide_portal:tools", "guide_portal:materials"),
    Module.MEMBER_PAGES: ("guide_portal:tools", "guide_portal:enrol"),
    Module.SIDEBAR: ("guide_portal:tools", "guide_portal:sidebar"),
    Module.OFFLINE: ("guide_portal:me", "guide_portal:queue"),
    Module.NEWS: ("guide_portal:tools", "guide_portal:news"),
}


@pytest.fixture
def phone(fixed_clock):
    return phone_of(open_shop(fixed_clock).manager)


@pytest.mark.parametrize("module", GUIDE_ENTRIES)
def test_off_means_no_entry_and_no_page(module, phone, settings):
    menu, target = GUIDE_ENTRIES[module]
    address = reverse(target)
    assert f'"{address}"' in phone.get(reverse(menu)).content.decode()
    assert phone.get(address).status_code == 200

    settings.MODULES_OFF = [module.value]

    page = phone.get(reverse(menu))
    assert page.status_code == 200
    assert f'"{address}"' not in page.content.decode()
    assert phone.get(address).status_code == 404


def test_without_work_offline_a_page_loads_none_of_its_scripts(phone, settings):
    settings.MODULES_OFF = [Module.OFFLINE]

    page = phone.get(reverse("guide_portal:today")).content.decode()

    assert "guide_portal/offline/" not in page
    assert 'id="phone"' not in page


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_a_kind_that_is_off_is_neither_offered_nor_made(kind, settings, fixed_clock):
    office = signed_in(Role.HQ_ADMIN)
    address = reverse("hq:item_push_new", args=[kind])
    assert address in office.get(reverse("hq:push_kinds")).content.decode()

    settings.MODULES_OFF = [kind]

    assert address not in office.get(reverse("hq:push_kinds")).content.decode()
    assert office.get(address).status_code == 404
    with pytest.raises(KindIsOff):
        make_item_push(fixed_clock, kind=kind)


def test_head_offices_lists_of_customers_pages_go_with_them(settings):
    office = signed_in(Role.HQ_ADMIN)
    address = reverse("admin:member_portal_consenttext_changelist")
    members = reverse("admin:members_member_changelist")
    assert f'"{address}"' in office.get(members).content.decode()

    settings.MODULES_OFF = [Module.MEMBER_PAGES]

    assert f'"{address}"' not in office.get(members).content.decode()
    assert office.get(address).status_code == 404
    assert office.get("/m/").status_code == 404


def test_every_name_in_the_table_is_an_address():
    def names(resolver, above=""):
        for pattern in resolver.url_patterns:
            if hasattr(pattern, "url_patterns"):
                inner = f"{above}{pattern.namespace}:" if pattern.namespace else above
                yield from names(pattern, inner)
            elif pattern.name:
                yield above + pattern.name

    known = list(names(get_resolver()))

    for prefix in (prefix for prefixes in ADDRESSES.values() for prefix in prefixes):
        assert any(name.startswith(prefix) for name in known), prefix


def test_a_wrong_name_is_said_at_the_start(settings):
    settings.MODULES_OFF = ["momments"]

    with pytest.raises(ImproperlyConfigured, match=re.escape("moments, recruit")):
        modules.are_off()
