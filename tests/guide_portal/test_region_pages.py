"""What a regional manager reads and does on the pages of stores: complaints and news."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from apps.accounts.capabilities import Role
from apps.accounts.models import User
from apps.cases.models import CaseStep, ServiceCase
from apps.cases.selectors import late_by_store
from apps.core import clock
from apps.news.models import News, NewsRead
from apps.stores.models import Region, ScopeGrant
from tests.factories.cases import complain, settle, show_photo
from tests.guide_portal.conftest import open_shop

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
IN_TIME = "待处理与处理中"


def url(name, *args):
    return reverse(f"guide_portal:{name}", args=args)


def text_of(response):
    assert response.status_code == 200, response.status_code
    return response.content.decode()


@pytest.fixture
def lead(shop):
    """The browser of who leads the region of the shop."""
    user = User.objects.create(username="region", role=Role.REGION_MANAGER, last_name="沈")
    ScopeGrant.objects.create(user=user, region=shop.store.region)
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def second(shop):
    """Another store of the region, and one of another region."""
    near, far = open_shop(shop.now), open_shop(shop.now)
    far.store.region = Region.objects.create(code="west", name="West")
    far.store.save()
    return near, far


def test_complaints_of_the_region_stand_with_their_store_the_late_ones_first(shop, second, lead):
    near, far = second
    early = complain(shop.members[0], shop.guide, shop.now)
    later = complain(near.members[0], near.guide, shop.now + 2 * DAY)
    foreign = complain(far.members[0], far.guide, shop.now)

    with clock.at(shop.now + 3 * DAY):
        page = text_of(lead.get(url("cases")))
        board = text_of(lead.get(url("region")))

    assert page.index("已超时") < page.index(url("case", early.pk))
    assert page.index(url("case", early.pk)) < page.index(IN_TIME)
    assert page.index(IN_TIME) < page.index(url("case", later.pk))
    assert url("case", foreign.pk) not in page
    assert shop.store.name in page
    assert near.store.name in page
    assert shop.members[0].name not in page
    assert "1 条已超时" in board
    assert lead.get(url("case", foreign.pk)).status_code == 404


def test_the_region_takes_one_in_hand_and_closes_it_and_the_store_reads_who_did(
    shop, lead, managers_phone, act
):
    row = complain(shop.members[0], shop.guide, shop.now)
    photo = show_photo(row, shop.guide, shop.now)[0]
    page = text_of(lead.get(url("case", row.pk)))
    assert shop.members[0].name not in page
    assert url("customer", shop.members[0].public_id) not in page
    assert lead.get(url("case_photo", photo.pk)).status_code == 200

    for _twice in range(2):
        lead.post(url("take_case", row.pk), act())
    row.refresh_from_db()
    assert (row.state, row.holder) == ("in_hand", "store")
    bad = lead.post(url("close_case", row.pk), act(words="换了"))
    assert (bad.status_code, "换了</textarea>" in bad.content.decode()) == (400, True)
    for _twice in range(2):
        lead.post(url("close_case", row.pk), act(result="exchanged", words="换了"))
    row.refresh_from_db()
    assert row.state == "closed"
    assert CaseStep.objects.filter(case=row).count() == 3
    assert "区域经理沈" in text_of(managers_phone.get(url("case", row.pk)))
    lead.post(url("reopen_case", row.pk), act(words="又坏了"))
    row.refresh_from_db()
    assert row.state == "reopened"


def test_what_is_past_its_time_is_counted_by_store(shop, second):
    near, _far = second
    for member in shop.members[:2]:
        complain(member, shop.guide, shop.now)
    settle(complain(near.members[0], near.guide, shop.now), near.manager, shop.now)
    ids = [shop.store.pk, near.store.pk]
    assert late_by_store(store_ids=ids, now=shop.now) == {}
    assert late_by_store(store_ids=ids, now=shop.now + 3 * DAY) == {shop.store.pk: 2}


def test_the_region_reads_what_its_stores_are_told_and_nobody_counts_it_as_read(shop, second, lead):
    _near, far = second
    chain = News.objects.create(title="会员日", body="全国", must_read=True, shown_from=shop.now)
    theirs = News.objects.create(title="只给导购", for_role="guide", shown_from=shop.now)
    theirs.regions.add(shop.store.region)
    foreign = News.objects.create(title="别的大区", shown_from=shop.now)
    foreign.regions.add(far.store.region)

    page = text_of(lead.get(url("news")))
    assert "会员日" in page
    assert "只给导购" in page
    assert "别的大区" not in page
    assert "必读</span>" not in page
    piece = text_of(lead.get(url("news_piece", chain.pk)))
    assert url("read_news", chain.pk) not in piece
    assert lead.get(url("news_piece", foreign.pk)).status_code == 404
    assert not NewsRead.objects.exists()

    unread = text_of(lead.get(url("team_news")))
    assert shop.guide.name in unread
    assert far.store.name not in unread
    assert url("team_news") in text_of(lead.get(url("region")))


def test_the_way_back_leads_to_the_board_and_no_tab_is_shown(shop, lead):
    for name in ("cases", "news", "team_news", "approvals"):
        page = text_of(lead.get(url(name)))
        assert url("region") in page
        assert url("customers") not in page


def test_pages_ask_as_often_for_many_as_for_few(shop, second, lead):
    near, _far = second

    def questions():
        counts = []
        for address in (url("cases"), url("case", first.pk), url("news"), url("team_news")):
            lead.get(address)
            with CaptureQueriesContext(connection) as asked:
                lead.get(address)
            counts.append(len(asked))
        return counts

    first = complain(shop.members[0], shop.guide, shop.now)
    News.objects.create(title="一", must_read=True, shown_from=shop.now)
    few = questions()
    for place in (shop, near):
        for member in place.members[1:]:
            settle(complain(member, place.guide, shop.now), place.manager, shop.now)
            complain(member, place.guide, shop.now)
        for title in "二三四":
            News.objects.create(title=title, must_read=True, shown_from=shop.now)
    assert ServiceCase.objects.count() > 4
    assert questions() == few
    assert max(few) <= 12
