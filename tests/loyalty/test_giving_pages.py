"""发券 on the guide's phone, 我的券 on the customer's, codes from the till, head office's list."""

import uuid
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from apps.accounts.actor import SYSTEM
from apps.accounts.services import create_api_key
from apps.core import clock
from apps.guide_tasks.models import Evidence, TaskTarget
from apps.loyalty import services as loyalty
from apps.loyalty.models import Coupon, CouponIssue
from apps.member_portal import session as member_session
from apps.members.models import Consent
from apps.members.services import stop_contact
from apps.outreach.models import Dispatch, TrackedLink
from apps.stores.models import Posting
from apps.timeline.models import MemberEvent
from tests.factories.coupons import give, make_coupon
from tests.factories.facts import make_product, make_store
from tests.factories.outreach import make_friends
from tests.factories.tasks import hand_out, make_team, target_of
from tests.guide_portal.conftest import signed_in
from tests.hq.test_import_export import confirm, upload
from tests.ingest.test_batches import ORDERS, order, post, statuses

pytestmark = pytest.mark.django_db


@pytest.fixture
def team(fixed_clock):
    return make_team(fixed_clock, guides=2, friends=3)


@pytest.fixture
def guide(team):
    return team[0][0]


@pytest.fixture
def member(team):
    return team[0][1][0]


@pytest.fixture
def phone(guide):
    return signed_in(guide)


@pytest.fixture
def key(team):
    make_product("SKU1")
    return create_api_key(
        name="till", scopes=["api_write_orders"], created_by=None, chain_wide=True
    )[1]


def page_of(member):
    return reverse("guide_portal:coupons", args=[member.public_id])


def customers_browser(member, *, proof="code"):
    """A browser in which this customer is signed in."""
    client = Client()
    client.get(reverse("member_portal:sign_in"))
    found = client.session
    found[member_session.KEY] = {
        "id": member.pk, "proof": proof, "since": clock.now().timestamp()
    }  # fmt: skip
    found.save()
    client.cookies[next(iter(client.cookies))] = found.session_key
    return client


# --- the guide -----------------------------------------------------------------------------------


def test_one_tap_gives_the_coupon_and_leaves_the_message_and_twice_is_once(
    phone, guide, member, act, fixed_clock
):
    coupon = make_coupon()
    card = phone.get(reverse("guide_portal:customer", args=[member.public_id])).content.decode()
    page = phone.get(page_of(member)).content.decode()
    assert page_of(member) in card
    assert coupon.name in page
    assert "剩 100 张" in page
    fields = act(coupon=coupon.pk)

    answers = [phone.post(page_of(member), fields) for _tap in range(2)]

    assert {answer.url for answer in answers} == {page_of(member)}
    issue = CouponIssue.objects.get()
    dispatch = Dispatch.objects.get()
    link = TrackedLink.objects.get(dispatch=dispatch)
    assert (issue.coupon, issue.member, issue.guide) == (coupon, member, guide)
    assert coupon.name in dispatch.text
    assert issue.code not in dispatch.text
    assert link.page == reverse("member_portal:coupons")
    after = phone.get(page_of(member)).content.decode()
    assert "TA 已领 1 / 1 张" in after
    assert "每人最多" in after


def test_the_link_leads_to_the_customers_own_coupons(client, phone, member, act, settings):
    settings.WECOM_OAUTH_IN_ANY_BROWSER = False
    phone.post(page_of(member), act(coupon=make_coupon().pk))

    answer = client.get(f"/l/{TrackedLink.objects.get().code}/")

    assert answer.url == reverse("member_portal:coupons")


def test_who_may_not_be_written_to_gets_no_coupon_and_the_page_says_why(
    phone, member, team, act, fixed_clock
):
    coupon = make_coupon()
    stopped, without = member, team[0][1][1]
    stop_contact(member_id=stopped.pk, source="test", now=fixed_clock, actor=SYSTEM)
    Consent.objects.filter(member=without).update(withdrawn_at=fixed_clock)

    for one in (stopped, without):
        page = phone.get(page_of(one)).content.decode()
        assert "tip warn" in page
        assert 'name="coupon"' not in page
        answer = phone.post(page_of(one), act(coupon=coupon.pk), follow=True)
        assert "tip bad" in answer.content.decode()

    coupon.refresh_from_db()
    assert (coupon.issued, CouponIssue.objects.count(), Dispatch.objects.count()) == (0, 0, 0)


def test_a_new_friend_who_did_not_agree_to_marketing_gets_no_coupon(phone, guide, act, fixed_clock):
    [(stranger, _external)] = make_friends(guide, consent=False, since=fixed_clock)
    [(agreed, _external)] = make_friends(guide, since=fixed_clock)
    coupon = make_coupon()

    assert 'name="coupon"' not in phone.get(page_of(stranger)).content.decode()
    phone.post(page_of(stranger), act(coupon=coupon.pk))
    assert (CouponIssue.objects.count(), Dispatch.objects.count()) == (0, 0)

    phone.post(page_of(agreed), act(coupon=coupon.pk))
    assert CouponIssue.objects.get().member == agreed
    assert Dispatch.objects.get().marketing


def test_a_coupon_that_cannot_be_given_leaves_no_message(phone, member, act):
    coupon = make_coupon(is_active=False)

    answer = phone.post(page_of(member), act(coupon=coupon.pk), follow=True)

    assert "总部已停发" in answer.content.decode()
    assert (CouponIssue.objects.count(), Dispatch.objects.count()) == (0, 0)


def test_a_message_that_cannot_be_left_gives_no_coupon(phone, member, act):
    first, second = make_coupon(), make_coupon()
    phone.post(page_of(member), act(coupon=first.pk))

    phone.post(page_of(member), act(coupon=second.pk))

    second.refresh_from_db()
    assert (second.issued, CouponIssue.objects.count()) == (0, 1)


def test_a_message_that_came_to_nothing_is_said_again_and_no_coupon_is_given(
    phone, guide, member, act
):
    coupon = make_coupon()
    phone.post(page_of(member), act(coupon=coupon.pk))
    issue, first = CouponIssue.objects.get(), Dispatch.objects.get()
    phone.post(page_of(member), act(again=issue.pk))
    assert Dispatch.objects.get() == first  # it waits to be confirmed
    first.recipients.update(state="not_sent")
    assert 'name="again"' in phone.get(page_of(member)).content.decode()
    fields = act(again=issue.pk)

    for _tap in range(2):
        assert phone.post(page_of(member), fields).url == page_of(member)

    second = Dispatch.objects.exclude(pk=first.pk).get()
    assert second.text.rsplit("\n", 1)[0] == first.text.rsplit("\n", 1)[0]
    assert TrackedLink.objects.get(dispatch=second).page == reverse("member_portal:coupons")
    assert second.marketing
    coupon.refresh_from_db()
    assert (coupon.issued, CouponIssue.objects.count()) == (1, 1)


def test_what_was_seen_or_is_anothers_is_not_said_again(
    phone, guide, team, member, act, fixed_clock
):
    seen = give(make_coupon(), member, fixed_clock, guide=guide)
    CouponIssue.objects.update(opened_at=fixed_clock)
    later = give(make_coupon(starts_on=clock.today() + timedelta(days=2)), member, fixed_clock,
                 guide=guide)  # fmt: skip
    foreign = give(make_coupon(), team[0][1][1], fixed_clock, guide=guide)

    assert 'name="again"' not in phone.get(page_of(member)).content.decode()
    for one in (seen, later):
        answer = phone.post(page_of(member), act(again=one.pk), follow=True)
        assert "tip bad" in answer.content.decode()
    assert phone.post(page_of(member), act(again=foreign.pk)).status_code == 404
    assert phone.post(page_of(member), {"again": "x"}).status_code == 400
    assert not Dispatch.objects.exists()


def test_at_night_nobody_is_given_what_is_over_by_the_morning(
    phone, guide, member, act, fixed_clock
):
    coupon, held = make_coupon(ends_on=clock.today()), make_coupon(ends_on=clock.today())
    issue = give(held, member, fixed_clock, guide=guide)

    with clock.at(fixed_clock.replace(hour=22)):
        assert "就到期了" in phone.get(page_of(member)).content.decode()
        for fields in (act(coupon=coupon.pk), act(again=issue.pk)):
            answer = phone.post(page_of(member), fields, follow=True)
            assert "tip bad" in answer.content.decode()

    coupon.refresh_from_db()
    assert (coupon.issued, CouponIssue.objects.count(), Dispatch.objects.count()) == (0, 1, 0)


def test_a_colleagues_customer_is_not_there(phone, team, act):
    foreign = team[1][1][0]

    assert phone.get(page_of(foreign)).status_code == 404
    assert phone.post(page_of(foreign), act(coupon=make_coupon().pk)).status_code == 404


def test_coupons_that_end_soon_stand_in_a_list_of_their_own(phone, team, guide, fixed_clock):
    (_guide, members), (colleague, others) = team
    soon, later = make_coupon(valid_days=3), make_coupon(valid_days=20)
    give(soon, members[0], fixed_clock, guide=guide)
    give(later, members[1], fixed_clock, guide=guide)
    give(make_coupon(valid_days=2), others[0], fixed_clock, guide=colleague)
    address = reverse("guide_portal:expiring_coupons")

    page = phone.get(address).content.decode()

    assert address in phone.get(reverse("guide_portal:tools")).content.decode()
    assert soon.name in page
    assert "还剩 3 天" in page
    assert later.name not in page
    assert page.count("row in") == 1


def test_more_coupons_ask_no_more_on_any_page(phone, guide, member, fixed_clock):
    mine = customers_browser(member)
    soon = reverse("guide_portal:expiring_coupons")

    def asked():
        pages = [(phone, page_of(member)), (phone, soon),
                 (mine, reverse("member_portal:coupons"))]  # fmt: skip
        counts = []
        for client, address in pages:
            client.get(address)
            with CaptureQueriesContext(connection) as found:
                assert client.get(address).status_code == 200
            counts.append(len(found))
        return counts

    give(make_coupon(valid_days=2), member, fixed_clock, guide=guide)
    few = asked()
    for _one in range(8):
        give(make_coupon(valid_days=2), member, fixed_clock, guide=guide)

    assert asked() == few


# --- a gift that goes from hand to hand ----------------------------------------------------------


def make_gift(**fields):
    return make_coupon(benefit="gift", gift="擦鞋布", off_fen=0, from_fen=0, by_hand=True, **fields)


def test_a_gift_of_joining_is_handed_over_in_one_tap_and_twice_is_once(
    phone, guide, member, act, fixed_clock
):
    make_gift(for_welcome=True, for_guides=False)
    store = Posting.objects.get(guide=guide).store
    [issue] = loyalty.give_welcome(
        member_id=member.pk, store_id=store.pk, now=fixed_clock, actor=SYSTEM
    )
    mine = customers_browser(member).get(reverse("member_portal:coupons")).content.decode()
    assert "到店由导购交给你" in mine
    assert issue.printed_code not in mine
    assert f'name="handed" value="{issue.pk}"' in phone.get(page_of(member)).content.decode()

    for _tap in range(2):
        answer = phone.post(page_of(member), act(handed=issue.pk), follow=True)
        assert "礼品已交给 TA" in answer.content.decode()

    issue.refresh_from_db()
    assert (issue.handed_by, issue.used_at, issue.order) == (guide, fixed_clock, None)
    page = phone.get(page_of(member)).content.decode()
    assert "已交付" in page
    assert 'name="handed"' not in page
    after = customers_browser(member).get(reverse("member_portal:coupons")).content.decode()
    assert "已领取" in after
    assert MemberEvent.objects.filter(member_id=member.pk, kind="coupon.used").count() == 1


def test_what_the_till_counts_a_colleague_gave_or_is_over_is_not_handed_over(
    phone, team, guide, member, act, fixed_clock
):
    colleague = team[1][0]
    of_till = give(make_coupon(), member, fixed_clock, guide=guide)
    had, over, elsewhere = (
        give(make_gift(), member, fixed_clock, guide=colleague) for _one in range(3)
    )
    loyalty.hand_over(
        issue_id=had.pk, member_id=member.pk, guide_id=colleague.pk,
        store_id=None, now=fixed_clock, actor=SYSTEM,
    )  # fmt: skip
    CouponIssue.objects.filter(pk=over.pk).update(expires_at=fixed_clock)
    elsewhere.coupon.stores.set([make_store()])

    for issue in (of_till, had, over, elsewhere):
        answer = phone.post(page_of(member), act(handed=issue.pk), follow=True)
        assert "tip bad" in answer.content.decode()
    foreign = give(make_gift(), team[1][1][0], fixed_clock, guide=colleague)
    assert phone.post(page_of(member), act(handed=foreign.pk)).status_code == 404
    assert phone.post(page_of(member), act()).status_code == 400

    assert not CouponIssue.objects.filter(handed_by=guide).exists()


# --- the customer --------------------------------------------------------------------------------


def test_the_customer_sees_code_and_qr_and_opening_is_engaged_once(guide, member, fixed_clock):
    push = hand_out([member], fixed_clock)
    issue = give(make_coupon(terms="正价商品可用"), member, fixed_clock, guide=guide)
    used = give(make_coupon(), member, fixed_clock, guide=guide)
    CouponIssue.objects.filter(pk=used.pk).update(expires_at=fixed_clock)
    client = customers_browser(member)

    pages = [client.get(reverse("member_portal:coupons")).content.decode() for _ in range(2)]

    assert issue.printed_code in pages[0]
    assert "data:image/svg+xml" in pages[0]
    assert "正价商品可用" in pages[0]
    assert used.printed_code not in pages[0]
    issue.refresh_from_db()
    target = target_of(push, member)
    assert issue.opened_at == fixed_clock
    assert target.engaged_at == fixed_clock
    assert Evidence.objects.filter(target=target, source=issue.source).count() == 1
    assert MemberEvent.objects.filter(member_id=member.pk, kind="outcome.engaged").count() == 1


def test_an_opened_card_names_every_store_where_it_counts(guide, member, fixed_clock):
    stores = [Posting.objects.get(guide=guide).store, *(make_store() for _ in range(4))]
    give(make_coupon(stores=stores), member, fixed_clock, guide=guide, store=stores[0])

    page = customers_browser(member).get(reverse("member_portal:coupons")).content.decode()

    assert all(store.name in page for store in stores)


def test_opening_counts_for_the_work_that_was_open_when_it_was_given(
    team, guide, member, fixed_clock
):
    given_at, opened_at = (fixed_clock + timedelta(hours=n) for n in (1, 3))
    push, newer = (hand_out([one], fixed_clock) for one in team[0][1][:2])
    TaskTarget.objects.filter(push=newer).update(
        member=member, opens_at=given_at + timedelta(hours=1)
    )
    give(make_coupon(), member, given_at, guide=guide)

    with clock.at(opened_at):
        customers_browser(member).get(reverse("member_portal:coupons"))

    assert target_of(push, member).engaged_at == opened_at
    assert target_of(newer, member).engaged_at is None


def test_without_running_work_the_story_alone_tells(guide, member, fixed_clock):
    give(make_coupon(), member, fixed_clock, guide=guide)

    customers_browser(member).get(reverse("member_portal:coupons"))

    [event] = MemberEvent.objects.filter(member_id=member.pk, kind="outcome.engaged")
    assert event.payload["guide_id"] == guide.pk


def test_a_number_nobody_checked_shows_no_coupon(guide, member, fixed_clock):
    give(make_coupon(), member, fixed_clock, guide=guide)

    answer = customers_browser(member, proof="").get(reverse("member_portal:coupons"))

    assert answer.status_code == 302
    assert CouponIssue.objects.get().opened_at is None


def test_the_copy_of_ones_data_names_the_coupons(guide, member, fixed_clock):
    issue = give(make_coupon(), member, fixed_clock, guide=guide)

    copy = customers_browser(member).post(
        reverse("member_portal:copy"), {"client_id": str(uuid.uuid4())}
    )

    [told] = copy.json()["coupons"]
    assert (told["code"], told["by"], told["used"]) == (issue.code, guide.name, "")


# --- the till ------------------------------------------------------------------------------------


def sale(team, member, number="A1", **fields):
    store = Posting.objects.filter(guide=team[0][0]).first().store
    return order(
        number, store_code=store.code, paid_at=clock.now().isoformat(),
        member=str(member.public_id), **fields,
    )  # fmt: skip


def test_the_till_names_codes_and_each_is_answered(team, guide, member, key, fixed_clock):
    issue = give(make_coupon(from_fen=0), member, fixed_clock, guide=guide)
    item = sale(team, member, coupon_codes=[issue.printed_code, "12345"])

    first = post(ORDERS, [item], key)
    again = post(ORDERS, [item], key)

    result = first.json()["results"][0]
    assert [statuses(first), statuses(again)] == [["created"], ["unchanged"]]
    assert [one["status"] for one in result["coupons"]] == ["used", "unknown_coupon"]
    assert result["coupons"][0]["message"] is None
    assert "12345" not in result["coupons"][1]["message"]
    assert again.json()["results"][0]["coupons"] == result["coupons"]
    issue.refresh_from_db()
    assert (issue.order.external_no, issue.guide) == ("A1", guide)


def test_the_return_of_everything_gives_the_coupon_back(team, guide, member, key, fixed_clock):
    issue = give(make_coupon(), member, fixed_clock, guide=guide)
    post(ORDERS, [sale(team, member, coupon_codes=[issue.code])], key)
    line = {
        "line_no": 1, "sku": "SKU1", "quantity": "-1", "net_fen": -10000, "original_line_no": 1,
    }  # fmt: skip
    back = sale(team, member, "R1", kind="return", original_no="A1", lines=[line])
    back.pop("member")

    answer = post(ORDERS, [{**back, "net_fen": -10000, "coupon_codes": [issue.code]}], key)

    assert statuses(answer) == ["created"]
    assert answer.json()["results"][0]["coupons"][0]["status"] == "coupon_without_sale"
    issue.refresh_from_db()
    assert issue.used_at is None
    assert issue.state(now=clock.now()) == CouponIssue.State.USABLE


# --- head office ---------------------------------------------------------------------------------

LIST = "admin:loyalty_coupon_changelist"


def test_head_office_writes_amounts_in_yuan(admin_client):
    fields = {
        "name": "新客礼", "benefit": "money_off", "off": "50", "from_amount": "299.50",
        "valid_days": "30", "stock": "500", "per_member": "1", "for_guides": "on",
        "is_active": "on",
    }  # fmt: skip

    admin_client.post(reverse("admin:loyalty_coupon_add"), fields)
    wrong = admin_client.post(reverse("admin:loyalty_coupon_add"), {**fields, "off": "300"})

    coupon = Coupon.objects.get()
    assert (coupon.off_fen, coupon.from_fen, coupon.valid_days) == (5_000, 29_950, 30)
    assert "from_amount" in wrong.context["adminform"].form.errors
    page = admin_client.get(reverse(LIST)).content.decode()
    assert "满 ¥299.50 减 ¥50" in page


def test_the_list_tells_what_became_of_each_coupon(
    admin_client, team, guide, member, key, fixed_clock
):
    coupon = make_coupon()
    issue = give(coupon, member, fixed_clock, guide=guide)
    give(coupon, team[0][1][1], fixed_clock, guide=guide)
    post(ORDERS, [sale(team, member, coupon_codes=[issue.code])], key)

    page = admin_client.get(reverse(LIST)).content.decode()
    given = admin_client.get(reverse("admin:loyalty_couponissue_changelist")).content.decode()

    assert "2 / 100" in page
    assert "50.0%" in page
    assert issue.code not in given
    assert issue.code[-4:] in given
    assert guide.name in given


def test_a_sheet_of_coupons_goes_in_and_a_bad_row_says_why(admin_client, guide):
    store = Posting.objects.get(guide=guide).store
    head = ["名称", "优惠", "减免金额", "满多少可用", "最后一天", "总张数", "可用门店编码"]
    good = ["秋季券", "减免金额", "30", "200", "2099-12-31", "100", store.code]
    bad = ["坏券", "减免金额", "30", "200", "2099-12-31", "100", "NOWHERE"]

    page = upload(admin_client, "loyalty_coupon", [head, good, bad])
    assert not page.context["result"].row_errors()
    confirm(admin_client, "loyalty_coupon", page)

    [refused] = page.context["refused_rows"]
    assert "NOWHERE" in refused["reasons"][0]
    assert [(one.name, one.off_fen, one.from_fen) for one in Coupon.objects.all()] == [
        ("秋季券", 3_000, 20_000)
    ]
    assert list(Coupon.objects.get().stores.all()) == [store]


def test_only_the_list_counts_what_became_of_coupons(admin_client, guide, member, fixed_clock):
    coupon = make_coupon()
    give(coupon, member, fixed_clock, guide=guide)
    form = reverse("admin:loyalty_coupon_change", args=[coupon.pk])

    def asked(address, words):
        with CaptureQueriesContext(connection) as found:
            assert admin_client.get(address).status_code == 200
        return [one["sql"] for one in found if words in one["sql"]]

    assert asked(reverse(LIST), 'COUNT(U0."id")')
    assert not asked(form, 'COUNT(U0."id")')
    given = reverse("admin:loyalty_couponissue_changelist")
    assert asked(given, 'ORDER BY "loyalty_couponissue"."id" DESC')
    assert not asked(given, '"issued_at" DESC')


def test_neither_form_nor_sheet_changes_what_was_given(admin_client, guide, member, fixed_clock):
    store = Posting.objects.get(guide=guide).store
    coupon = make_coupon(name="秋季券")
    give(coupon, member, fixed_clock, guide=guide)
    fields = {
        "name": "秋季券", "benefit": "money_off", "off": "40", "from_amount": "300",
        "ends_on": f"{coupon.ends_on:%Y-%m-%d}", "stock": "100", "per_member": "1",
        "for_guides": "on", "stores": [store.pk],
    }  # fmt: skip
    address = reverse("admin:loyalty_coupon_change", args=[coupon.pk])

    refused = admin_client.post(address, fields).context["adminform"].form.errors
    assert set(refused) == {"off", "stores"}
    for column, value in (("减免金额", "40"), ("可用门店编码", store.code)):
        rows = [["名称", column], ["秋季券", value]]
        [told] = upload(admin_client, "loyalty_coupon", rows).context["refused_rows"]
        assert told["reasons"] == [f"{column}：已发出，改不了；请停发后另建一张。"]

    answer = admin_client.post(address, {**fields, "off": "50", "stores": [], "stock": "300"})
    assert answer.status_code == 302
    coupon.refresh_from_db()
    assert (coupon.off_fen, coupon.issued, coupon.stock) == (5_000, 1, 300)
    assert (coupon.is_active, coupon.stores.count()) == (False, 0)


def test_the_story_names_coupon_guide_and_receipt(
    admin_client, team, guide, member, key, fixed_clock
):
    issue = give(make_coupon(), member, fixed_clock, guide=guide)
    post(ORDERS, [sale(team, member, coupon_codes=[issue.code])], key)

    page = admin_client.get(reverse("hq:member", args=[member.public_id])).content.decode()

    assert page.count(issue.coupon.name) >= 2
    assert f"{guide.name}发放 · A1" in page
