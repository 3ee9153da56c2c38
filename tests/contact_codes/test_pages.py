"""HQ's pages, the poster, and the page behind it."""

import re
import uuid
from datetime import date, timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from apps.accounts.capabilities import Role
from apps.contact_codes import services as codes
from apps.contact_codes.models import ChannelCode, CodeAdd, CodeScan
from apps.contact_codes.selectors import figures_of, own_welcomes
from apps.core import clock
from apps.hq.picture_form import sealed
from apps.members.models import FollowRelation
from apps.stores.models import Store
from apps.stores.services import user_of_guide
from tests.contact_codes.conftest import made, reread
from tests.factories import outreach as make
from tests.factories.facts import make_guide, make_store
from tests.factories.items import png
from tests.hq.conftest import signed_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def team(db, fixed_clock):
    make.connect_corp()
    store = make_store()
    return store, [make_guide(store, corp=make.CORP) for _one in range(2)]


@pytest.fixture
def operator(team):
    return signed_in(Role.HQ_OPERATOR)


NO_SHIFTS = {"shift-TOTAL_FORMS": "0", "shift-INITIAL_FORMS": "0"}


def form(place, **changes):
    return {
        "client_id": str(uuid.uuid4()), "title": "门店海报", "channel": "海报",
        "store": f"{place.code} {place.name}", "poster_text": "扫码加导购", "welcome": "我是{导购}",
        **NO_SHIFTS, **changes,
    }  # fmt: skip


def scanned(code):
    ChannelCode.objects.filter(pk=code.pk).update(address="http://sim/qr/1/", status="made")
    return reverse("contact_codes:scan", args=[code.slug])


def test_the_operator_sees_who_would_receive_before_anything_is_made(operator, team):
    store, guides = team

    page = operator.post(reverse("hq:code_new", args=["store"]), {**form(store), "preview": "1"})

    words = page.content.decode()
    assert page.status_code == 200
    assert all(guide.name in words for guide in guides)
    assert not ChannelCode.objects.exists()


def test_a_code_made_on_the_page_with_shifts_is_made_once(operator, team):
    store, (a, _b) = team
    sent = form(
        store,
        **{
            "shift-TOTAL_FORMS": "1", "shift-0-guide": f"{a.wecom_userid} 甲",
            "shift-0-weekdays": ["3", "4"], "shift-0-starts": "09:00", "shift-0-ends": "18:00",
        },
    )  # fmt: skip
    address = reverse("hq:code_new", args=["store"])

    for _again in range(2):
        assert operator.post(address, sent).status_code == 302

    code = ChannelCode.objects.get()
    assert (code.store, code.welcome) == (store, "我是{导购}")
    assert code.wanted_users == [a.wecom_userid]
    assert code.shifts.get().weekdays == [3, 4]


def test_mistakes_are_told_at_their_fields(operator, team):
    store, _guides = team
    address = reverse("hq:code_new", args=["store"])

    page = operator.post(address, form(store, store="nowhere", backup="nobody"))
    braces = operator.post(address, form(store, welcome="您好{天气}"))

    assert page.status_code == braces.status_code == 422
    assert "没有这个编号的门店" in page.content.decode()
    assert "没有这个企业微信账号的导购" in page.content.decode()
    assert "天气" in braces.content.decode()


def test_changing_keeps_store_and_poster(operator, team):
    store, (_a, b) = team
    code = made(store)
    sent = {**form(store), "daily_limit": "5", "backup": b.wecom_userid}
    sent.pop("store")

    operator.post(reverse("hq:code", args=[code.pk]), sent)

    changed = reread(code)
    assert (changed.daily_limit, changed.backup, changed.store) == (5, b, store)
    assert changed.slug == code.slug


def test_a_code_for_every_store_of_a_region(operator, team):
    store, _guides = team
    west = make_store(region="west")
    make_guide(west, corp=make.CORP)
    sent = {
        "client_id": str(uuid.uuid4()), "title": "店内海报", "channel": "海报",
        "region": store.region_id,
    }  # fmt: skip

    operator.post(reverse("hq:code_batch"), sent)

    assert list(ChannelCode.objects.values_list("store", flat=True)) == [store.pk]


def test_the_list_takes_the_same_queries_for_two_codes_and_for_twenty(operator, team):
    def queries(count):
        for _one in range(count):
            store = make_store()
            make_guide(store, corp=make.CORP)
            made(store)
        with CaptureQueriesContext(connection) as seen:
            assert operator.get(reverse("hq:codes")).status_code == 200
        return len(seen)

    queries(1)  # what the first page of a process reads once
    assert queries(2) == queries(18)


def test_figures_count_scans_adds_and_who_stayed_a_week(team, fixed_clock):
    store, (a, b) = team
    code = made(store)
    for number in range(4):
        codes.record_scan(code=code, address=f"v{number}", browser="", now=fixed_clock)
    ends = [None, ("customer", 2), ("customer", 20), ("transfer", 1)]
    since = fixed_clock - timedelta(days=25)
    for (member, external), end in zip(make.make_friends(a, 4, since=since), ends, strict=True):
        follow = FollowRelation.objects.get(external_userid=external)
        if end:
            follow.ended_by, days = end
            follow.until = since + timedelta(days=days)
            follow.save()
        CodeAdd.objects.create(code=code, follow=follow, member=member, guide=a, at=since)

    found = figures_of([code.pk], now=fixed_clock)[code.pk]

    assert (found.scans, found.adds, found.lost) == (4, 4, 2)
    assert (found.old_enough, found.kept) == (4, 3)


def test_the_page_behind_a_poster_counts_once_and_names_who_is_there(team):
    store, guides = team
    code = made(store)
    ChannelCode.objects.filter(pk=code.pk).update(pushed_users=code.wanted_users)
    address = scanned(code)

    for _again in range(2):
        words = Client().get(address).content.decode()
    Client().head(address)

    assert "http://sim/qr/1/" in words
    assert store.name in words
    assert guides[0].name in words
    assert CodeScan.objects.count() == 1


def test_a_stopped_or_unknown_code_says_so(team):
    store, _guides = team
    code = made(store)
    address = scanned(code)
    ChannelCode.objects.filter(pk=code.pk).update(stopped_at=clock.now())

    assert Client().get(address).status_code == 410
    assert Client().get(reverse("contact_codes:scan", args=["nothing"])).status_code == 404


def test_a_signpost_leads_to_live_stores_of_its_channel_by_city(team):
    store, _guides = team
    Store.objects.filter(pk=store.pk).update(city="上海", latitude=31.23, longitude=121.47)
    other, closed = make_store(), make_store()
    for one in (other, closed):
        make_guide(one, corp=make.CORP)
    Store.objects.filter(pk=closed.pk).update(closed_on=date(2021, 1, 1))
    own, second = made(store), made(store, channel="官网")
    foreign, gone = made(other, channel="别的"), made(closed)
    for code in (own, second, foreign, gone):
        scanned(code)
    signpost = made(kind="nearest", title="找门店")

    words = Client().get(reverse("contact_codes:scan", args=[signpost.slug])).content.decode()

    assert own.slug in words
    assert foreign.slug in words
    assert second.slug not in words
    assert gone.slug not in words
    assert 'data-place="31.23000,121.47000"' in words
    assert not re.search(r"lat=|lng=", words)


def test_posters_and_pictures_hold_our_own_address(operator, team):
    store, _guides = team
    code = made(store, poster_text="扫码加导购")

    poster = operator.get(reverse("hq:code_poster", args=[code.pk]), {"size": "a5"})
    png = operator.get(reverse("hq:code_qr", args=[code.pk, "png"]))
    svg = operator.get(reverse("hq:code_qr", args=[code.pk, "svg"]))

    assert "sheet a5" in poster.content.decode()
    assert store.name in poster.content.decode()
    assert png.content.startswith(b"\x89PNG")
    assert b"<svg" in svg.content
    assert operator.get(reverse("hq:code_qr", args=[code.pk, "gif"])).status_code == 404


def test_a_guide_prints_the_own_code_and_a_manager_the_stores(team):
    store, (a, b) = team
    own, shared = made(kind="guide", guide_id=a.pk, channel="名片"), made(store)
    client = Client()
    client.force_login(user_of_guide(guide=a))

    words = client.get(reverse("guide_portal:codes")).content.decode()

    assert f'data-code="{own.pk}"' in words
    assert f'data-code="{shared.pk}"' not in words
    poster = reverse("guide_portal:code_poster", args=[own.pk])
    assert client.get(poster).status_code == 200
    client.force_login(user_of_guide(guide=b))
    assert client.get(poster).status_code == 404


def picture_file(content=None):
    return SimpleUploadedFile("a.png", content or png(), content_type="image/png")


def test_a_chosen_picture_stays_when_something_else_was_wrong(operator, team):
    """A browser gives the file up; the form carries what was kept."""
    store, _guides = team
    address = reverse("hq:code_new", args=["store"])
    wrong = operator.post(address, {**form(store, title=""), "picture": picture_file()})
    assert wrong.status_code == 422
    kept = wrong.context["form"]["kept"].value()
    shown = operator.get(reverse("hq:kept_picture", args=[kept]))
    assert shown["Content-Type"] == "image/png"

    assert operator.post(address, form(store, kept=kept)).status_code == 302

    code = ChannelCode.objects.get()
    ((piece,),) = [one.attachments for one in own_welcomes([code.state]).values()]
    assert (piece["kind"], piece["file"]) == ("image", str(code.welcome_picture))
    page = reverse("hq:code", args=[code.pk])
    assert reverse("hq:kept_picture", args=[sealed(piece["file"])]).split(":")[0] in (
        operator.get(page).content.decode()
    )
    kept = operator.get(page).context["form"]["kept"].value()
    operator.post(page, form(store, kept=kept, no_picture="on"))
    assert not reread(code).welcome_picture


def test_what_is_no_picture_is_said_beside_its_field(operator, team):
    store, _guides = team
    sent = {**form(store), "picture": picture_file(b"not a picture at all")}
    page = operator.post(reverse("hq:code_new", args=["store"]), sent)
    assert page.status_code == 422
    assert "请选 JPEG 或 PNG" in page.content.decode()
    assert not ChannelCode.objects.exists()
    assert operator.get(reverse("hq:kept_picture", args=["made-up:x"])).status_code == 404
