import pytest
from django.contrib import admin
from django.urls import reverse

from apps.accounts.admin_base import CapabilityMixin
from apps.accounts.capabilities import Capability, Role
from apps.accounts.models import AuditEntry
from apps.orders.models import Product
from apps.outreach.models import ButtonAnswer, GuideNotice, Welcome
from apps.outreach.services.welcomes import NewFriend, queue_welcomes
from apps.profiles.services import refresh_profiles
from apps.segments.models import Segment
from apps.stores.models import Region, ScopeGrant, Store
from apps.tagging.models import Tag, TagGroup
from tests.factories.facts import make_guide, make_store
from tests.factories.tasks import buy, hand_out, make_team, members_of
from tests.hq.conftest import give_phone, signed_in

LISTS = [
    "admin:index",
    "admin:members_member_changelist",
    "admin:stores_store_changelist",
    "admin:stores_guide_changelist",
    "admin:orders_order_changelist",
    "admin:orders_product_changelist",
    "admin:tagging_tag_changelist",
    "admin:campaigns_campaign_changelist",
    "admin:outreach_dispatch_changelist",
    "admin:outreach_guidenotice_changelist",
    "admin:outreach_buttonanswer_changelist",
    "admin:outreach_welcome_changelist",
    "admin:accounts_user_changelist",
    "admin:accounts_auditentry_changelist",
    "admin:stores_scopegrant_changelist",
    "admin:django_celery_beat_periodictask_changelist",
    "hq:pushes",
    "hq:segments",
    "hq:overdue",
    "hq:unserved",
    "hq:unknown_sends",
    "hq:dead_callbacks",
    "hq:wecom_health",
]


def grow(now, *, pushes=True):
    """One more of everything that a list shows."""
    team = make_team(now, guides=1, friends=2)
    people = members_of(team)
    for member in people:
        give_phone(member, now)
        buy(member, team[0][0].postings.get().store, now)
    refresh_profiles(member_ids=[member.pk for member in people], now=now)
    group, _made = TagGroup.objects.get_or_create(name="偏好")
    Tag.objects.create(group=group, name=f"标签 {Tag.objects.count()}")
    if pushes:
        hand_out(people, now)
    guide = team[0][0]
    code = f"code{Welcome.objects.count()}"
    friend = NewFriend(guide.corp_id, guide.wecom_userid, "wm1", code, "", now, "欢迎")
    queue_welcomes(friends=[friend], now=now)
    press_a_button(guide, now)


def press_a_button(guide, now, state="shown"):
    number = GuideNotice.objects.count()
    notice = GuideNotice.objects.create(
        guide=guide, source=f"t:{number}", title="今天 3 位", not_before=now, acknowledged_at=now
    )
    return ButtonAnswer.objects.create(notice=notice, state=state, not_before=now, expires_at=now)


def test_an_empty_list_says_what_will_stand_there(admin_client):
    page = admin_client.get(reverse("admin:outreach_welcome_changelist")).content.decode()
    assert "用作欢迎语" in page
    assert "新增" not in page.partition("hq-none")[2].partition("</div>")[0]
    found = admin_client.get(reverse("admin:outreach_welcome_changelist"), {"q": "没有的人"})
    assert "没有符合条件的内容" in found.content.decode()
    writable = admin_client.get(reverse("admin:outreach_messagetemplate_changelist"))
    assert "新增话术" in writable.content.decode().partition("hq-none")[2]


def test_what_a_pressed_button_became_is_said_in_words(admin_client, team, fixed_clock):
    guide = team[0][0]
    press_a_button(guide, fixed_clock)
    press_a_button(guide, fixed_clock, state="failed")
    page = admin_client.get(reverse("admin:outreach_buttonanswer_changelist")).content.decode()
    assert "已改成「已知道」" in page
    assert "按钮没变，点击有效" in page
    assert guide.name in page


@pytest.mark.slow
@pytest.mark.parametrize("name", LISTS)
def test_a_list_asks_no_more_when_it_shows_more(
    db, fixed_clock, name, django_assert_max_num_queries
):
    client = signed_in(Role.HQ_ADMIN)
    grow(fixed_clock, pushes=name != "admin:index")
    url = reverse(name)
    client.get(url)
    with django_assert_max_num_queries(200) as few:
        assert client.get(url).status_code == 200
    for _time in range(3):
        grow(fixed_clock, pushes=name != "admin:index")
    client.get(url)
    with django_assert_max_num_queries(200) as many:
        assert client.get(url).status_code == 200

    assert len(many) <= len(few)


def test_every_list_names_its_capability():
    registered = admin.site._registry.values()

    assert [row for row in registered if not isinstance(row, CapabilityMixin)] == []
    assert all(isinstance(row.view_capability, Capability) for row in registered)


def test_member_list_is_masked(admin_client, team):
    page = admin_client.get(reverse("admin:members_member_changelist")).content.decode()

    assert "林*雯" in page
    assert "林晓雯" not in page


def test_autocomplete_offers_only_what_the_actor_may_see(db, fixed_clock):
    make_store("E1", region="east")
    make_store("W1", region="west")
    client = signed_in(Role.REGION_MANAGER)
    ScopeGrant.objects.create(
        user_id=int(client.session["_auth_user_id"]), region=Region.objects.get(code="east")
    )

    listed = client.get(reverse("admin:stores_store_changelist")).content.decode()

    assert "Store E1" in listed
    assert "Store W1" not in listed


def test_filters_offer_only_what_the_actor_may_see(db, fixed_clock):
    make_store("E1", region="east")
    make_store("W1", region="west")
    client = signed_in(Role.REGION_MANAGER)
    ScopeGrant.objects.create(
        user_id=int(client.session["_auth_user_id"]), region=Region.objects.get(code="east")
    )

    page = client.get(reverse("admin:members_member_changelist")).content.decode()

    assert "Store W1" not in page


def test_only_head_office_may_enter(db, fixed_clock):
    for role in (Role.GUIDE, Role.STORE_MANAGER):
        answer = signed_in(role).get(reverse("admin:index"))
        assert answer.status_code == 302
        assert "/admin/login/" in answer.url


def test_the_menu_has_twelve_entries_and_no_room_names(admin_client):
    page = admin_client.get(reverse("admin:index"))

    titles = [
        str(item["title"])
        for group in page.context["sidebar_navigation"]
        for item in group["items"]
        if item["has_permission"]
    ]
    assert titles == [
        "首页", "人群", "任务下发", "活动", "会员", "好友与社群", "门店与导购", "话术与素材",
        "标签", "企微", "报表", "系统",
    ]  # fmt: skip


def test_an_operator_sees_no_users_and_no_jobs(operator_client):
    for name in ("admin:accounts_user_changelist", "admin:accounts_apikey_changelist",
                 "admin:django_celery_beat_periodictask_changelist"):  # fmt: skip
        assert operator_client.get(reverse(name)).status_code == 403


def test_a_stage_filter_finds_only_that_stage(admin_client, team, fixed_clock):
    member = members_of(team)[0]
    buy(member, team[0][0].postings.get().store, fixed_clock)
    refresh_profiles(member_ids=[member.pk], now=fixed_clock)

    page = admin_client.get(reverse("admin:members_member_changelist") + "?stage=new")

    assert [row.pk for row in page.context["cl"].result_list] == [member.pk]


def test_who_never_bought_is_a_prospect_in_the_list_and_in_its_filter(
    admin_client, team, fixed_clock
):
    buyer = members_of(team)[0]
    buy(buyer, team[0][0].postings.get().store, fixed_clock)
    refresh_profiles(member_ids=[buyer.pk], now=fixed_clock)

    page = admin_client.get(reverse("admin:members_member_changelist") + "?stage=prospect")

    found = {row.pk for row in page.context["cl"].queryset}
    assert found == {member.pk for member in members_of(team)[1:]}
    assert "未成交" in page.content.decode()


def test_a_change_is_written_to_the_audit_record_without_values(admin_client, db):
    store = make_store("S9")
    url = reverse("admin:stores_store_change", args=[store.pk])
    form = admin_client.get(url).context["adminform"].form
    data = {name: form[name].value() or "" for name in form.fields}

    admin_client.post(url, {**data, "name": "新名字"})

    store.refresh_from_db()
    entry = AuditEntry.objects.get(action="store.changed")
    assert store.name == "新名字"
    assert entry.object_id == str(store.pk)
    assert "新名字" not in str(entry.detail)


def test_nobody_changes_facts_by_hand(admin_client, team, fixed_clock):
    guide = make_guide()
    assert guide.pk
    Product.objects.create(sku="A", style_no="A", name="靴", category="鞋", tag_price_fen=1)

    for name in ("orders_order", "orders_product", "outreach_dispatch", "accounts_auditentry"):
        assert admin_client.get(reverse(f"admin:{name}_add")).status_code == 403


def test_an_empty_house_opens_every_page(admin_client):
    for name in LISTS:
        assert admin_client.get(reverse(name)).status_code == 200
    assert not Store.objects.exists()
    assert not Segment.objects.exists()
