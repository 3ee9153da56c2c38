"""留货 and 调货 on the phones of both stores: few taps, shares shown first, each side its own."""

import re
import uuid

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from apps.core import clock
from apps.stock import services
from apps.stock.models import StockLevel, StockRequest, StockTerms
from apps.stores.models import Posting
from tests.factories.facts import make_guide, make_product, make_store
from tests.factories.outreach import CORP, make_friends
from tests.factories.stock import bring_back, buy, make_pair, make_request
from tests.guide_portal.conftest import signed_in

pytestmark = pytest.mark.django_db


def url(name, *args):
    return reverse(f"guide_portal:{name}", args=args)


@pytest.fixture
def pair(fixed_clock):
    return make_pair(fixed_clock)


def shown(phone, address):
    answer = phone.get(address)
    assert answer.status_code == 200, address
    return answer.content.decode()


def ask_page(pair):
    address = url("ask_stock", pair.product.pk, pair.there.pk)
    return f"{address}?for={pair.member.public_id}"


def test_from_the_card_to_the_question_the_customer_comes_along(pair, act):
    phone = signed_in(pair.guide)
    card = shown(phone, url("customer", pair.member.public_id))
    find = f"{url('find_stock')}?for={pair.member.public_id}"
    assert find in card
    goods = shown(phone, find + "&q=短靴")
    style = f"{url('stock_of', pair.product.pk)}?for={pair.member.public_id}"
    assert style in goods
    assert ask_page(pair) in shown(phone, style)
    page = shown(phone, ask_page(pair))
    assert pair.member.name in page
    # both ways, their shares and limits stand there before the tap
    assert page.index("你 50%，徐汇店 50%") < page.index("请对方留货")
    assert page.index("你 70%，徐汇店 30%") < page.index("请对方调货")
    assert "30 分钟内没有答复" in page
    assert "佣金按佣金规则另计" in page
    assert "才会收到" not in page
    fields = act(kind="hold", percent=50)
    for _twice in range(2):
        answer = phone.post(ask_page(pair), fields)
        row = StockRequest.objects.get()
        assert answer["Location"] == url("stock_request", row.pk)
    assert (row.member_id, row.asking_guide_id, row.kind) == (pair.member.pk, pair.guide.pk, "hold")


def test_without_a_customer_the_page_asks_for_whom(pair):
    phone = signed_in(pair.guide)
    address = url("ask_stock", pair.product.pk, pair.there.pk)
    assert "请对方留货" not in shown(phone, address)
    found = shown(phone, f"{address}?q={pair.member.name}")
    assert f"?for={pair.member.public_id}" in found
    assert "你的顾客里没有" in shown(phone, f"{address}?q=没有这个人")
    assert phone.post(address, {"client_id": uuid.uuid4(), "kind": "hold"}).status_code == 400


def test_a_customer_of_others_is_not_there(pair):
    other = make_guide(make_store(), corp=CORP)
    ((member, _external),) = make_friends(other, 1)
    address = url("ask_stock", pair.product.pk, pair.there.pk)
    phone = signed_in(pair.guide)
    assert phone.get(f"{address}?for={member.public_id}").status_code == 404
    fields = {"client_id": uuid.uuid4(), "kind": "hold", "percent": 50}
    assert phone.post(f"{address}?for={member.public_id}", fields).status_code == 404
    assert StockRequest.objects.count() == 0


def test_a_piece_that_went_meanwhile_is_said_on_the_page(pair, act):
    make_request(pair, member=pair.members[1])
    phone = signed_in(pair.guide)
    answer = phone.post(ask_page(pair), act(kind="send", percent=30))
    assert answer.status_code == 409
    page = answer.content.decode()
    assert "换一家店试试" in page
    assert pair.member.name in page
    # and what is promised is told where goods are looked for
    style = shown(phone, url("stock_of", pair.product.pk))
    assert "1 件已许出" in style
    assert url("ask_stock", pair.product.pk, pair.there.pk) not in style


def test_a_share_that_moved_is_shown_anew_before_the_tap_counts(pair, act):
    phone = signed_in(pair.guide)
    shown(phone, ask_page(pair))
    StockTerms.objects.create(hold_giver_percent=40)
    answer = phone.post(ask_page(pair), act(kind="hold", percent=50))
    page = answer.content.decode()
    assert (answer.status_code, StockRequest.objects.count()) == (409, 0)
    assert "总部刚改了业绩比例" in page
    assert "你 60%，徐汇店 40%" in page
    (percent,) = re.findall(r'value="hold"><input[^>]*name="percent" value="(\d+)"', page)
    phone.post(ask_page(pair), act(kind="hold", percent=percent))
    assert StockRequest.objects.get().giver_percent == 40


def test_at_night_the_page_says_when_the_other_store_hears(pair):
    with clock.at(pair.now.replace(hour=23, minute=30)):
        assert "对方 07:00 才会收到" in shown(signed_in(pair.guide), ask_page(pair))


def test_what_came_back_is_said_in_place_of_shares(pair):
    row = make_request(pair)
    services.confirm(request_id=row.pk, actor=pair.giving, now=pair.now)
    buy(pair, pair.now, number="S1")
    page = shown(signed_in(pair.guide), url("stock_request", row.pk))
    assert "你 ¥250，徐汇店 ¥250" in page
    assert "佣金按佣金规则另计" in page
    bring_back(pair, pair.now, number="S1")
    assert "没有可分的业绩" in shown(signed_in(pair.guide), url("stock_request", row.pk))


def test_the_other_store_answers_in_one_tap_and_reads_no_name(pair, act):
    row = make_request(pair, kind="send")
    phone = signed_in(pair.giver)
    assert url("stock_request", row.pk) in shown(phone, url("messages"))
    listed = shown(phone, url("stock_requests"))
    assert "等本店答复" in listed
    # who gets what stands before the button of the list as well
    split = f"成交业绩：{pair.guide.name} 70%，徐汇店 30%"
    assert listed.index(split) < listed.index("有货，已留出")
    page = shown(phone, url("stock_request", row.pk))
    for one in (listed, page):
        assert pair.member.name not in one
        assert "静安店" in one
    assert "70%，徐汇店 30%" in page
    assert url("customer", pair.member.public_id) not in page
    for name, state in (("confirm_stock", "held"), ("send_stock", "sent")):
        assert url(name, row.pk) in shown(phone, url("stock_request", row.pk))
        phone.post(url(name, row.pk), act())
        row.refresh_from_db()
        assert row.state == state
    # receiving is the other side's
    assert phone.post(url("receive_stock", row.pk), act()).status_code == 404
    asker = signed_in(pair.colleague)
    assert "货到了" in shown(asker, url("stock_request", row.pk))
    asker.post(url("receive_stock", row.pk), act())
    row.refresh_from_db()
    assert row.state == "arrived"
    told = shown(signed_in(pair.guide), url("messages"))
    assert "货到店了" in told


def test_a_no_needs_its_reason_and_reaches_the_asker(pair, act):
    row = make_request(pair)
    phone = signed_in(pair.giver)
    assert phone.post(url("refuse_stock", row.pk), act()).status_code == 400
    phone.post(url("refuse_stock", row.pk), act(reason="faulty"))
    page = shown(signed_in(pair.guide), url("stock_request", row.pk))
    assert "没给" in page
    assert "货有瑕疵" in page
    answer = phone.post(url("confirm_stock", row.pk), act(), follow=True)
    assert "已有新进展" in answer.content.decode()


def test_the_asker_and_the_own_manager_take_it_back_a_colleague_does_not(pair, act):
    row = make_request(pair)
    path, fields = url("withdraw_stock", row.pk), act(reason="no_need")
    for guide in (pair.colleague, pair.giver, pair.manager):
        assert signed_in(guide).post(path, fields).status_code == 404
    assert "不用留了" not in shown(signed_in(pair.colleague), url("stock_request", row.pk))
    assert "不用留了" in shown(signed_in(pair.own_manager), url("stock_request", row.pk))
    signed_in(pair.guide).post(path, fields)
    row.refresh_from_db()
    assert row.state == "withdrawn"


def test_the_manager_has_the_last_word_where_it_is_so_set(pair, act):
    StockTerms.objects.create(needs_manager=True)
    row = make_request(pair)
    giver, manager = signed_in(pair.giver), signed_in(pair.manager)
    assert "1 件等本店答复" in shown(manager, url("team"))
    giver.post(url("confirm_stock", row.pk), act())
    assert url("confirm_stock", row.pk) not in shown(giver, url("stock_request", row.pk))
    assert url("confirm_stock", row.pk) in shown(manager, url("stock_request", row.pk))
    manager.post(url("confirm_stock", row.pk), act())
    row.refresh_from_db()
    assert row.state == "held"


def test_of_others_there_is_nothing(pair, act):
    row = make_request(pair)
    phone = signed_in(make_guide(make_store(), corp=CORP))
    assert phone.get(url("stock_request", row.pk)).status_code == 404
    for name in ("confirm", "refuse", "send", "receive", "withdraw"):
        fields = act(reason="gone")
        assert phone.post(url(f"{name}_stock", row.pk), fields).status_code == 404
    assert "没有留货或调货" in shown(phone, url("stock_requests"))


def test_what_waits_for_whom_stands_on_todays_page(pair, act):
    row = make_request(pair)
    asker, giver, colleague = [signed_in(one) for one in (pair.guide, pair.giver, pair.colleague)]
    today, listed = url("today"), f'href="{url("stock_requests")}"'
    for phone, words in ((giver, "1 件等本店答复"), (asker, "你要的 1 件在办")):
        page = shown(phone, today)
        assert listed in page
        assert words in page
    assert listed not in shown(colleague, today)
    giver.post(url("confirm_stock", row.pk), act())
    assert listed not in shown(giver, today)
    assert "你要的 1 件在办" in shown(asker, today)
    asker.post(url("withdraw_stock", row.pk), act(reason="no_need"))
    assert listed not in shown(asker, today)
    # whoever works elsewhere by now answers for that store
    make_request(pair)
    Posting.objects.filter(guide=pair.giver).update(store=pair.here)
    assert "等本店答复" not in shown(signed_in(pair.giver), today)


def test_the_pages_ask_as_often_for_many_as_for_one(pair):
    StockLevel.objects.update(quantity=50)
    first = make_request(pair)
    phones = [signed_in(pair.giver), signed_in(pair.guide), signed_in(pair.own_manager)]
    addresses = [url("stock_requests"), url("stock_request", first.pk), url("today")]

    def questions():
        counts = []
        for phone in phones:
            for address in [*addresses, ask_page(pair)][: 4 if phone is phones[1] else 3]:
                phone.get(address)
                with CaptureQueriesContext(connection) as asked:
                    assert phone.get(address).status_code == 200
                counts.append(len(asked))
        return counts

    before = questions()
    for number in range(6):
        product = make_product(f"MANY-{number}")
        StockLevel.objects.create(store=pair.there, product=product, quantity=9, as_of=pair.now)
        for member in pair.members:
            row = make_request(pair, member=member, product=product, kind="send")
            if number % 3:
                services.confirm(request_id=row.pk, actor=pair.giving, now=pair.now)
            if number % 3 == 2:
                services.refuse(request_id=row.pk, reason="gone", actor=pair.giving, now=pair.now)
    assert questions() == before
    assert max(before) <= 12


def test_the_pages_stand_without_network_nowhere(pair):
    """A promise is never made from a page the phone kept."""
    row = make_request(pair)
    asker, giver = signed_in(pair.guide), signed_in(pair.giver)
    for phone, address in ((asker, ask_page(pair)), (giver, url("stock_request", row.pk))):
        answer = phone.get(address)
        assert "no-store" in answer["Cache-Control"]
        buttons = re.findall(r"<form[^>]*method=\"post\".*?</form>", answer.content.decode(), re.S)
        assert buttons
        assert all("data-online-only" in one for one in buttons)
