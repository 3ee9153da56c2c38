"""A link leads to a shop, the shop sends the code back with the order: guide and push are known."""

from urllib.parse import parse_qs, urlparse

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from apps.accounts.capabilities import Role
from apps.accounts.services import create_api_key
from apps.guide_tasks.models import LinkOrder, TaskTarget
from apps.orders.models import Order
from apps.outreach.models import DispatchRecipient, TrackedLink
from apps.outreach.services import guide_pieces, share_links
from apps.reports.link_orders import push_link_orders
from tests.factories.facts import make_product
from tests.factories.outreach import make_asset
from tests.factories.tasks import buy, hand_out, make_team, members_of, tap, target_of
from tests.hq.conftest import signed_in
from tests.ingest.test_batches import ORDERS, codes, order, post, statuses

pytestmark = pytest.mark.django_db
SHOP = "https://mall.example/boots?colour=black#size"


@pytest.fixture
def team(fixed_clock):
    make_product("SKU1")
    return make_team(fixed_clock, friends=3)


@pytest.fixture
def push(team, fixed_clock):
    return hand_out(members_of(team), fixed_clock, title="秋冬新靴", asset=make_asset(url=SHOP))


@pytest.fixture
def key(team):
    scopes = ["api_write_members", "api_write_orders"]
    return create_api_key(name="mall", scopes=scopes, created_by=None, chain_wide=True)[1]


def code_for(push, member, now):
    """The guide sends, the customer taps: what the shop's address then says."""
    link = TrackedLink.objects.get(dispatch=tap(target_of(push, member), now))
    return link.code


def bought(push, member, number="A1", **fields):
    place = TaskTarget.objects.filter(push=push).first().store
    return order(
        number,
        store_code=place.code,
        paid_at=push.handed_out_at.isoformat(),
        **({"member": str(member.public_id)} if member else {}),
        **fields,
    )


def test_the_shops_address_carries_the_code(client, push, team, fixed_clock, settings):
    settings.WECOM_OAUTH_IN_ANY_BROWSER = False
    code = code_for(push, members_of(team)[0], fixed_clock)

    found = urlparse(client.get(f"/l/{code}/")["Location"])

    assert (found.netloc, found.path, found.fragment) == ("mall.example", "/boots", "size")
    assert parse_qs(found.query) == {"colour": ["black"], "link_code": [code]}


def test_an_order_keeps_guide_and_push_of_its_link(push, team, key, fixed_clock):
    ((guide, (member, *_others)),) = team
    code = code_for(push, member, fixed_clock)

    answer = post(ORDERS, [bought(push, member, link_code=code)], key)

    kept = LinkOrder.objects.get()
    assert statuses(answer) == ["created"]
    assert answer.json()["results"][0]["warning"] is None
    assert (kept.order.external_no, kept.link.code) == ("A1", code)
    assert (kept.guide, kept.push) == (guide, push)


def test_a_code_of_nobodys_is_a_warning_and_the_order_stays(push, team, key):
    long = "x" * 64
    items = [bought(push, None, f"A{n}", link_code=code) for n, code in enumerate(["no", long])]

    answer = post(ORDERS, [*items, bought(push, None, "A9")], key)

    warned = [result["warning"] for result in answer.json()["results"]]
    assert (statuses(answer), codes(answer)) == (["created"] * 3, [None] * 3)
    assert [one and one["code"] for one in warned] == ["unknown_link", "unknown_link", None]
    assert "no" not in warned[0]["message"].split()
    assert (Order.objects.count(), LinkOrder.objects.count()) == (3, 0)


def test_a_code_beside_a_return_is_a_warning_for_the_sale_has_it(push, team, key, fixed_clock):
    member = members_of(team)[0]
    code = code_for(push, member, fixed_clock)
    line = {
        "line_no": 1, "sku": "SKU1", "quantity": "-1", "net_fen": -10000, "original_line_no": 1,
    }  # fmt: skip
    back = {"kind": "return", "original_no": "A1", "lines": [line], "link_code": code}

    answer = post(
        ORDERS,
        [bought(push, member, link_code=code), bought(push, member, "R1", net=-10000, **back)],
        key,
    )

    sale, returned = answer.json()["results"]
    assert statuses(answer) == ["created"] * 2
    assert (sale["warning"], returned["warning"]["code"]) == (None, "link_of_sale")
    assert LinkOrder.objects.get().order.external_no == "A1"


def test_sent_again_it_is_one_and_a_code_told_later_is_added(push, team, key, fixed_clock):
    first, second = members_of(team)[:2]
    mine, other = (code_for(push, member, fixed_clock) for member in (first, second))
    item = bought(push, first)

    post(ORDERS, [item], key)
    later = post(ORDERS, [{**item, "link_code": mine}], key, "k1")
    again = post(ORDERS, [{**item, "link_code": mine}], key, "k1")
    silent = post(ORDERS, [item], key)
    assert LinkOrder.objects.get().link.code == mine
    corrected = post(ORDERS, [{**item, "link_code": other}], key)

    assert [statuses(one) for one in (later, silent, corrected)] == [["unchanged"]] * 3
    assert again.json() == later.json()
    assert LinkOrder.objects.get().link.code == other


def test_a_page_a_guide_shared_by_hand_credits_the_guide_without_a_push(push, team, key):
    guide = team[0][0]
    asset = make_asset(url=SHOP)
    code = share_links(guide_id=guide.pk, asset_ids=[asset.pk])[asset.pk].code

    post(ORDERS, [bought(push, None, link_code=code)], key)

    kept = LinkOrder.objects.get()
    assert (kept.guide, kept.push) == (guide, None)


def test_the_pushs_page_tells_own_and_passed_on_orders_net_of_returns(push, team, key, fixed_clock):
    first, second, third = members_of(team)
    code = code_for(push, first, fixed_clock)
    post(
        ORDERS,
        [
            bought(push, first, "A1", link_code=code),
            bought(push, None, "A2", link_code=code, net=7000),
            bought(push, third, "A3", link_code=code),
            bought(push, second, "A4"),
            bought(push, second, "A6", link_code=code, net=3000),
            bought(push, second, "A5", link_code=code, is_staff=True),
        ],
        key,
    )
    line = {
        "line_no": 1, "sku": "SKU1", "quantity": "-1", "net_fen": -10000, "original_line_no": 1,
    }  # fmt: skip
    back = {"kind": "return", "original_no": "A3", "lines": [line]}
    post(ORDERS, [bought(push, None, "R3", net=-10000, **back)], key)

    admin_client = signed_in(Role.HQ_ADMIN)
    found = push_link_orders(push=push)
    page = admin_client.get(reverse("hq:push", args=[push.pk])).content.decode()
    listed = admin_client.get(reverse("hq:push_people", args=[push.pk, "linked"]))

    assert (found.orders, found.net_fen) == (3, 20000)
    # who got another message of the push got this one from somebody
    assert (found.own, found.passed_on, found.unknown) == (1, 1, 1)
    assert found.targets == [target_of(push, first).pk]
    assert "经链接下单" in page
    assert "转发后 1 单" in page
    assert "未识别买家 1 单" in page
    assert listed.context["total"] == 1
    person = reverse("hq:member", args=[first.public_id])
    orders = admin_client.get(person, {"tab": "orders"}).content.decode()
    assert f"经{team[0][0].name}的链接" in orders
    assert "秋冬新靴" in orders


def test_everybody_of_a_mass_send_got_its_link(push, team, key, fixed_clock):
    first, second, third = members_of(team)
    code = code_for(push, first, fixed_clock)
    link = TrackedLink.objects.get(code=code)
    DispatchRecipient.objects.create(
        dispatch=link.dispatch, member=second, external_userid="wmSecond", source="task_target:0"
    )
    buyers = enumerate((first, second, third))
    post(ORDERS, [bought(push, one, f"M{n}", link_code=code) for n, one in buyers], key)

    found = push_link_orders(push=push)

    assert (found.orders, found.own, found.passed_on, found.unknown) == (3, 2, 1, 0)
    assert found.targets == sorted(target_of(push, one).pk for one in (first, second))


def test_a_card_put_into_a_customers_chat_is_that_customers_own(push, team, key):
    ((guide, (first, second, _third)),) = team
    mine = target_of(push, first)
    card = {"kind": "link", "title": "新靴", "summary": "", "url": SHOP, "picture_url": ""}
    guide_pieces(pieces=[card], guide_ids=[guide.pk], source=mine.source)
    code = TrackedLink.objects.get(source=mine.source).code
    items = [
        bought(push, one, f"C{n}", link_code=code) for n, one in enumerate((first, second, None))
    ]
    post(ORDERS, items, key)

    found = push_link_orders(push=push)

    assert (found.orders, found.own, found.passed_on, found.unknown) == (3, 1, 1, 1)
    assert found.targets == [mine.pk]


def test_once_the_send_is_taken_away_the_pushs_members_count_as_receivers(
    push, team, key, fixed_clock
):
    first, second, _third = members_of(team)
    code = code_for(push, first, fixed_clock)
    post(ORDERS, [bought(push, second, "A1", link_code=code)], key)
    assert push_link_orders(push=push).own == 0

    TrackedLink.objects.all().delete()

    assert push_link_orders(push=push).own == 1


def test_more_orders_by_links_ask_no_more(push, team, key, fixed_clock):
    code = code_for(push, members_of(team)[0], fixed_clock)

    def asked(numbers):
        items = [bought(push, None, f"N{number}", link_code=code) for number in numbers]
        with CaptureQueriesContext(connection) as found:
            answer = post(ORDERS, items, key)
        assert set(statuses(answer)) == {"created"}
        return len(found)

    asked([0])
    assert asked(range(1, 3)) == asked(range(3, 43))


def test_an_order_without_a_shop_has_no_link(push, team, fixed_clock):
    buy(members_of(team)[0], target_of(push, members_of(team)[0]).store, fixed_clock)

    assert push_link_orders(push=push).orders == 0
