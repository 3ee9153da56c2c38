"""资讯: whom a piece is for, who has read it, and that everybody is told of it once."""

from datetime import time, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from psycopg.types.range import DateRange

from apps.accounts.actor import SYSTEM
from apps.accounts.models import AuditEntry, User
from apps.core import clock
from apps.news import selectors, services
from apps.news.errors import CorrectedMeanwhile, NothingToRemind, RemindedToday
from apps.news.models import News, NewsRead
from apps.outreach.models import GuideNotice
from apps.stores.models import Cover, DayOff, Guide, Posting, Store, StoreDay
from apps.stores.selectors import actor_for
from apps.stores.services import guide_leaves, user_of_guide
from tests.factories.facts import make_guide, make_product, make_store
from tests.factories.news import post_news
from tests.factories.outreach import CORP, make_asset
from tests.guide_portal.conftest import make_manager, signed_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def now(fixed_clock):
    return fixed_clock


@pytest.fixture
def chain(now):
    """East: two stores, three guides and a manager; west: one guide."""
    here, beside, west = make_store(), make_store(), make_store(region="west")
    guides = [make_guide(store, corp=CORP) for store in (here, here, beside, west)]
    return here, beside, west, guides, make_manager(here, now)


def asked(news, now, actor=SYSTEM):
    """Names of those who are asked, by the statement for many: nobody has read anything yet."""
    return {row.guide_id for row in selectors.unread(news=news, actor=actor, now=now, limit=99)[0]}


def sees(guide, news, now):
    shown = selectors.shown_to(guide_id=guide.pk, day=clock.business_day(now), now=now)
    return shown.filter(pk=news.pk).exists()


def actor_of(guide, now):
    return actor_for(user=user_of_guide(guide=guide), now=now)


def url(name, *args):
    return reverse(f"guide_portal:{name}", args=args)


# --- for whom ------------------------------------------------------------------------------------


@pytest.mark.parametrize("place", ["everywhere", "region", "store", "region and store"])
@pytest.mark.parametrize("role", ["", "guide", "store_manager"])
def test_one_person_and_many_are_asked_by_the_same_rule(place, role, chain, now):
    here, beside, west, guides, manager = chain
    regions = [here.region] if place == "region" else []
    stores = [here] if place == "store" else []
    if place == "region and store":
        regions, stores = [west.region], [beside]
    news = post_news(now, for_role=role, regions=regions, stores=stores)

    many = asked(news, now)

    one_by_one = {guide.pk for guide in [*guides, manager] if sees(guide, news, now)}
    assert many == one_by_one
    wanted = {
        "everywhere": [*guides, manager],
        "region": [*guides[:3], manager],
        "store": [*guides[:2], manager],
        "region and store": [guides[2], guides[3]],
    }[place]
    is_manager = {"": (True, False), "guide": (False,), "store_manager": (True,)}[role]
    assert many == {guide.pk for guide in wanted if (guide == manager) in is_manager}


def test_who_left_or_may_not_sign_in_or_works_where_nothing_is_live_does_not_count(chain, now):
    here, beside, _west, guides, manager = chain
    news = post_news(now)
    guide_leaves(guide=guides[0], now=now, on=clock.business_day(now))
    User.objects.filter(pk=user_of_guide(guide=guides[1]).pk).update(is_active=False)
    Store.objects.filter(pk=beside.pk).update(live_since=None)

    assert asked(news, now) == {guides[3].pk, manager.pk}
    services.tell(now=now)
    assert set(GuideNotice.objects.values_list("guide_id", flat=True)) == {
        guides[3].pk,
        manager.pk,
    }


def test_not_begun_over_or_taken_down_is_on_no_page(chain, now):
    guide = chain[3][0]
    hour = timedelta(hours=1)
    shown = post_news(now)
    for fields in (
        {"shown_from": now + hour},
        {"shown_from": now - 2 * hour, "shown_until": now - hour},
        {"is_active": False},
    ):
        hidden = post_news(now, title="不显示", **fields)
        assert signed_in(guide).get(url("news_piece", hidden.pk)).status_code == 404

    page = signed_in(guide).get(url("news")).content.decode()
    assert shown.title in page
    assert "不显示" not in page
    assert services.tell(now=now) == 5  # of the one that is shown


# --- cards ---------------------------------------------------------------------------------------


def test_everybody_gets_one_card_also_when_told_again_and_again(chain, now):
    news = post_news(now)

    assert services.tell(now=now) == 5
    assert services.tell(now=now) == 0
    assert services.tell(now=now + timedelta(days=1)) == 0
    cards = GuideNotice.objects.filter(source=news.source)
    assert set(cards.values_list("title", "path")) == {(news.title, f"/g/news/{news.pk}/")}


def test_a_piece_of_a_later_day_is_told_on_that_day_and_within_the_hours(chain, now, settings):
    settings.HAND_OUT_FROM, settings.HAND_OUT_UNTIL = time(9), time(21)
    night = clock.day_start(clock.business_day(now) + timedelta(days=2)) + timedelta(hours=3)
    post_news(now, shown_from=night)

    assert services.tell(now=night - timedelta(minutes=1)) == 0
    assert services.tell(now=night) == 5
    due = {row.not_before for row in GuideNotice.objects.all()}
    assert due == {night + timedelta(hours=6)}


@pytest.mark.parametrize("why", ["off", "covered", "closed"])
def test_who_is_away_hears_of_it_the_day_they_are_back(why, chain, now):
    here, beside, _west, guides, _manager = chain
    guide, today = guides[2], clock.business_day(now)
    if why == "off":
        DayOff.objects.create(guide=guide, day=today)
    elif why == "closed":
        StoreDay.objects.create(store=beside, day=today)
    else:
        during = DateRange(today, today + timedelta(days=1))
        Cover.objects.create(store=beside, absent=guide, covering=guides[0], during=during)
    post_news(now)

    assert services.tell(now=now) == 4
    assert not GuideNotice.objects.filter(guide=guide).exists()
    assert services.tell(now=now + timedelta(days=1)) == 1
    assert GuideNotice.objects.filter(guide=guide).count() == 1


def test_who_a_change_adds_is_told_at_once_and_nobody_twice(chain, now):
    here, _beside, west, guides, _manager = chain
    news = post_news(now, regions=[here.region])
    assert services.tell(now=now) == 4

    news.refresh_from_db()
    news.regions.add(west.region)
    services.keep_news(news=news, corrected=False, ask_again=False, now=now)

    assert services.tell(now=now) == 1
    assert GuideNotice.objects.filter(guide=guides[3]).count() == 1


def test_what_happened_while_the_form_was_open_stays(chain, now):
    pk = post_news(now).pk
    one, other, late = (News.objects.get(pk=pk) for _form in range(3))
    services.tell(now=now)
    services.remind(news_id=pk, actor=SYSTEM, now=now)

    for news in (one, other):  # two ask again at the same time
        services.keep_news(news=news, corrected=True, ask_again=True, now=now)
    services.keep_news(news=late, corrected=False, ask_again=False, now=now)

    kept = News.objects.get(pk=pk)
    assert (kept.version, kept.corrected_at) == (2, now)
    assert kept.reminded_on == clock.business_day(now)


def test_who_has_read_gets_no_card_and_what_need_not_be_read_rings_for_nobody(chain, now):
    guide = chain[3][0]
    news = post_news(now)
    post_news(now, must_read=False)
    services.confirm_news(news=news, guide_id=guide.pk, version=1, now=now)

    assert services.tell(now=now) == 4
    assert not GuideNotice.objects.filter(guide=guide).exists()


def test_a_reminder_goes_to_who_has_not_read_and_once_a_day(chain, now):
    guides = chain[3]
    news = post_news(now)
    services.tell(now=now)
    services.confirm_news(news=news, guide_id=guides[0].pk, version=1, now=now)
    services.open_news(news=news, guide_id=guides[1].pk, now=now)  # opened is not said

    assert services.remind(news_id=news.pk, actor=SYSTEM, now=now) == 4
    with pytest.raises(RemindedToday):
        services.remind(news_id=news.pk, actor=SYSTEM, now=now + timedelta(hours=1))
    assert services.remind(news_id=news.pk, actor=SYSTEM, now=now + timedelta(days=1)) == 4
    assert GuideNotice.objects.filter(guide=guides[0]).count() == 1
    assert GuideNotice.objects.filter(guide=guides[1]).count() == 3
    assert AuditEntry.objects.filter(action="news.reminded").count() == 2


def test_only_a_must_read_piece_that_is_shown_is_reminded_of(chain, now):
    for fields in ({"must_read": False}, {"shown_from": now + timedelta(hours=1)}):
        news = post_news(now, **fields)
        with pytest.raises(NothingToRemind):
            services.remind(news_id=news.pk, actor=SYSTEM, now=now)


def test_off_nothing_is_told(chain, now, settings):
    post_news(now)
    settings.MODULES_OFF = ["news"]

    assert services.tell(now=now) == 0


# --- reading -------------------------------------------------------------------------------------


def test_opening_counts_once_and_a_must_read_piece_asks_for_a_tap(chain, now):
    guide = chain[3][0]
    must, may = post_news(now), post_news(now, must_read=False)
    phone = signed_in(guide)
    for news in (must, must, may):
        assert phone.get(url("news_piece", news.pk)).status_code == 200

    figures = {
        news.pk: sum(row.read for row in selectors.reads_by_store(news=news, actor=SYSTEM, now=now))
        for news in (must, may)
    }
    assert NewsRead.objects.count() == 2
    assert figures == {must.pk: 0, may.pk: 1}

    for _tap in range(2):
        answer = phone.post(url("read_news", must.pk), {"version": 1})
        assert answer.status_code == 302
    (row,) = [
        one
        for one in selectors.reads_by_store(news=must, actor=SYSTEM, now=now)
        if one.store_id == chain[0].pk
    ]
    assert (row.asked, row.read) == (3, 1)
    assert NewsRead.objects.get(news=must).confirmed_at == now


def test_today_says_how_many_must_still_be_read_and_asks_no_more_for_it(chain, now):
    guide = chain[3][0]
    phone = signed_in(guide)
    phone.get(url("today"))

    def questions():
        with CaptureQueriesContext(connection) as found:
            page = phone.get(url("today")).content.decode()
        return len(found), page

    before, empty = questions()
    first = post_news(now)
    after, one = questions()
    assert url("news_piece", first.pk) in one
    post_news(now, title="另一条")
    post_news(now, must_read=False)
    post_news(now, regions=[chain[2].region])
    last, two = questions()

    assert before == after == last
    assert "必读" not in empty
    assert "2 条必读" in two
    phone.post(url("read_news", first.pk), {"version": 1})
    assert "1 条必读" in questions()[1]


def test_a_correction_asks_again_only_where_head_office_says_so(chain, now):
    guide = chain[3][0]
    news = post_news(now)
    services.tell(now=now)
    services.confirm_news(news=news, guide_id=guide.pk, version=1, now=now)

    news.body = "改过的字"
    services.keep_news(news=news, corrected=True, ask_again=False, now=now)
    assert guide.pk not in asked(news, now)
    assert services.tell(now=now) == 0
    assert news.corrected_at == now

    services.keep_news(news=news, corrected=True, ask_again=True, now=now)
    assert guide.pk in asked(news, now)
    assert services.tell(now=now) == 5
    assert NewsRead.objects.filter(news=news, version=1).count() == 1
    with pytest.raises(CorrectedMeanwhile):
        services.confirm_news(news=news, guide_id=guide.pk, version=1, now=now)


def test_a_tap_on_the_words_before_the_correction_leads_to_the_new_ones(chain, now):
    phone = signed_in(chain[3][0])
    news = post_news(now)
    services.keep_news(news=news, corrected=True, ask_again=True, now=now)

    for version in ("1", "", "x" * 30):
        answer = phone.post(url("read_news", news.pk), {"version": version})
        assert answer.headers["Location"] == url("news_piece", news.pk)
    assert not NewsRead.objects.filter(confirmed_at__isnull=False).exists()


def test_a_piece_shows_its_lines_goods_and_pages(chain, now):
    product, asset = make_product(), make_asset()
    over = make_asset()
    over.title, over.valid_until = "过期的页面", now - timedelta(days=1)
    over.save()
    news = post_news(now, products=[product], pages=[asset, over], body="一\n<b>二</b>")

    page = signed_in(chain[3][0]).get(url("news_piece", news.pk)).content.decode()

    assert "一<br>&lt;b&gt;二&lt;/b&gt;" in page
    assert url("stock_of", product.pk) in page
    assert asset.title in page
    assert "过期的页面" not in page


def test_a_manager_reads_what_is_for_guides_alone_and_is_not_asked(chain, now):
    news = post_news(now, for_role="guide")
    mine = post_news(now, for_role="store_manager", title="只给店长")
    guides, manager = chain[3], chain[4]

    page = signed_in(manager).get(url("news_piece", news.pk)).content.decode()

    assert url("read_news", news.pk) not in page
    assert (
        url("read_news", mine.pk)
        in signed_in(manager).get(url("news_piece", mine.pk)).content.decode()
    )
    assert signed_in(guides[0]).get(url("news_piece", mine.pk)).status_code == 404


def test_who_moves_to_another_store_reads_what_is_for_it(chain, now):
    here, beside, _west, guides, _manager = chain
    news, today = post_news(now, stores=[beside]), clock.business_day(now)
    assert not sees(guides[0], news, now)
    posting = Posting.objects.get(guide=guides[0])
    posting.during = DateRange(posting.during.lower, today)
    posting.save()
    Posting.objects.create(guide=guides[0], store=beside, during=DateRange(today, None))

    assert sees(guides[0], news, now)
    assert guides[0].pk in asked(news, now)


# --- the team ------------------------------------------------------------------------------------


def test_a_manager_sees_who_of_the_team_has_not_read(chain, now):
    here, _beside, _west, guides, manager = chain
    news = post_news(now)
    actor = actor_of(manager, now)
    assert selectors.team_unread_count(actor=actor, now=now) == 3
    services.confirm_news(news=news, guide_id=guides[0].pk, version=1, now=now)
    services.open_news(news=news, guide_id=guides[1].pk, now=now)

    phone = signed_in(manager)
    assert "2 人" in phone.get(url("team")).content.decode()
    page = phone.get(url("team_news")).content.decode()

    assert guides[0].name not in page
    assert guides[1].name in page
    assert guides[2].name not in page  # of another store
    assert selectors.team_unread_count(actor=actor, now=now) == 2


# --- head office ---------------------------------------------------------------------------------


def hq(name, news):
    return reverse(f"hq:{name}", args=[news.pk])


def test_head_office_sees_read_and_asked_by_region_and_store_and_exports_names(
    chain, now, admin_client
):
    guides = chain[3]
    Guide.objects.filter(pk=guides[1].pk).update(name="=1+1")
    news = post_news(now)
    services.confirm_news(news=news, guide_id=guides[0].pk, version=1, now=now)

    answer = admin_client.get(hq("news_reads", news))
    context = answer.context
    assert (context["total"].asked, context["total"].read) == (5, 1)
    assert [(one.name, one.asked, one.read) for one in context["regions"]] == [
        ("west", 1, 0),
        ("east", 4, 1),
    ]
    assert len(context["page"].object_list) == 3

    names = admin_client.get(hq("news_unread", news), {"store": chain[0].pk})
    assert names.context["count"] == 2
    behind = admin_client.get(hq("news_unread", news), {"store": chain[0].pk, "page": 9})
    assert behind.headers["Location"] == f"{hq('news_unread', news)}?store={chain[0].pk}&"
    sheet = admin_client.get(hq("news_export", news)).content.decode()
    assert len(sheet.splitlines()) == 5
    assert "'=1+1" in sheet
    assert AuditEntry.objects.filter(action="news.exported").count() == 1


def test_the_reminder_button_works_once_a_day(chain, now, admin_client):
    news = post_news(now)

    for _time in range(2):
        admin_client.post(hq("news_remind", news))

    assert GuideNotice.objects.count() == 5
    assert "disabled" in admin_client.get(hq("news_reads", news)).content.decode()


def _form(**fields):
    return {
        **{"title": "新品到店", "kind": "goods", "body": "第一行", "for_role": ""},
        **{"shown_from_0": "2026-03-18", "shown_from_1": "08:00:00"},
        **{"shown_until_0": "", "shown_until_1": "", "must_read": "on", "is_active": "on"},
        **fields,
    }


def test_head_office_writes_corrects_and_asks_again_once(chain, now, admin_client):
    add = reverse("admin:news_news_add")
    refused = admin_client.post(add, _form(shown_until_0="2026-03-17", shown_until_1="08:00:00"))
    assert refused.status_code == 200
    assert "新品到店" in refused.content.decode()  # nothing typed is lost
    assert admin_client.post(add, _form(stores=[chain[0].pk])).status_code == 302
    news = News.objects.get()
    assert asked(news, now) == {chain[3][0].pk, chain[3][1].pk, chain[4].pk}

    change = reverse("admin:news_news_change", args=[news.pk])
    again = _form(body="改了", ask_again="on", seen_version="1", stores=[chain[0].pk])
    assert admin_client.post(change, again).status_code == 302
    assert admin_client.post(change, again).status_code == 200  # the same form once more
    news.refresh_from_db()
    assert (news.version, news.body) == (2, "改了")
    assert admin_client.post(change, _form(body="又改")).status_code == 302
    news.refresh_from_db()
    assert news.version == 2


@pytest.mark.parametrize("name", ["list", "reads", "unread", "phone", "piece", "team"])
def test_a_page_asks_no_more_when_it_shows_more(name, chain, now, admin_client):
    guides, manager = chain[3], chain[4]
    news = post_news(now, products=[make_product()], pages=[make_asset()])
    phone, managers = signed_in(guides[0]), signed_in(manager)
    client, address = {
        "list": (admin_client, reverse("admin:news_news_changelist")),
        "reads": (admin_client, hq("news_reads", news)),
        "unread": (admin_client, hq("news_unread", news)),
        "phone": (phone, url("news")),
        "piece": (phone, url("news_piece", news.pk)),
        "team": (managers, url("team_news")),
    }[name]

    def questions():
        client.get(address)
        with CaptureQueriesContext(connection) as found:
            assert client.get(address).status_code == 200
        return len(found)

    before = questions()
    for number in range(6):
        post_news(now, title=f"第{number}条", regions=[chain[0].region])
        make_guide(chain[0], corp=CORP)
    news.products.add(make_product(), make_product())
    news.pages.add(make_asset(), make_asset())

    assert questions() == before
    assert before <= 12


def test_forty_pieces_are_paged(chain, now):
    for number in range(25):
        post_news(now, title=f"第{number}条", must_read=False)
    pinned = post_news(now - timedelta(days=3), title="置顶的", pinned=True)
    phone = signed_in(chain[3][0])

    first, second = (phone.get(url("news"), {"page": n}).content.decode() for n in (1, 2))

    assert first.count('class="row"') == 20
    assert second.count('class="row"') == 6
    assert pinned.title in first
    assert first.index(pinned.title) < first.index("第24条")
