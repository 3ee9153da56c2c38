"""客户卡, small things: where TA came from, when TA was here, a tag that comes off again."""

import re
from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from apps.accounts.actor import SYSTEM
from apps.contact_codes.models import ChannelCode
from apps.members.models import AddWay, FollowRelation, Interaction
from apps.tagging import services as tagging
from apps.tagging.models import MemberTags, Tag, TagChange, TagGroup
from tests.factories.outreach import CORP

DAY = timedelta(days=1)


def at(name, *args):
    return reverse(f"guide_portal:{name}", args=args)


def card(phone, member):
    return phone.get(at("customer", member.public_id)).content.decode()


@pytest.fixture
def tagged(shop, tag):
    member = shop.members[0]
    put(member, tag, shop.now - DAY)
    return member


def put(member, tag, when, claim=TagChange.Claim.PERSON, source="guide:1"):
    tagging.apply_tags(
        member_ids=[member.pk], tag_ids=[tag.pk], claim=claim, source=source, actor=SYSTEM, at=when
    )


def tags_of(member):
    return list(MemberTags.objects.filter(pk=member.pk).values_list("tags", flat=True))


def test_the_first_block_says_by_which_code_or_how_ta_became_a_friend(shop, phone):
    member = shop.members[0]
    relation = FollowRelation.objects.filter(member=member, guide=shop.guide)
    relation.update(add_way=AddWay.CARD)
    assert re.search(f'id="source">来源：.*日 {AddWay.words(AddWay.CARD)}<', card(phone, member))

    code = ChannelCode.objects.create(
        corp_id=CORP,
        kind="store",
        store=shop.store,
        title="收银台",
        channel="立牌",
        client_id=uuid4(),
    )
    relation.update(state=code.state)

    with CaptureQueriesContext(connection) as asked:
        page = card(phone, member)
    assert "立牌 · 收银台" in page
    assert len(asked) <= 12


def test_the_last_visit_is_said_in_days(shop, phone):
    member = shop.members[0]
    Interaction.objects.create(
        member=member,
        guide=shop.guide,
        kind=Interaction.Kind.VISIT,
        occurred_at=shop.now - 9 * DAY,
        source="visit:1",
        reason="gift",
    )
    page = card(phone, member)
    assert "<dt>上次到店</dt><dd>9 天前" in page


def test_a_tag_comes_off_in_one_tap_and_the_tap_repeated_changes_nothing(
    shop, phone, act, tag, tagged
):
    off = at("untag", tagged.public_id, tag.pk)
    assert off in card(phone, tagged)
    fields = act()

    for _again in range(2):
        answer = phone.post(off, fields, follow=True)

    assert tags_of(tagged) == [[]]
    assert TagChange.objects.filter(added=False).count() == 1
    assert f"已去掉标签：{tag.name}" in answer.content.decode()


def test_two_tags_tapped_on_one_page_both_come_off(shop, phone, act, tag, tagged):
    other = Tag.objects.create(group=tag.group, name="亲子")
    put(tagged, other, shop.now - DAY)
    fields = act()

    phone.post(at("untag", tagged.public_id, tag.pk), fields)
    answer = phone.post(at("untag", tagged.public_id, other.pk), fields, follow=True)

    assert tags_of(tagged) == [[]]
    assert f"已去掉标签：{other.name}" in answer.content.decode()


def test_two_tags_tapped_on_one_page_are_both_put_on(shop, phone, act, tag):
    member = shop.members[0]
    other = Tag.objects.create(group=tag.group, name="亲子")
    fields = act()

    for one in (tag, other, tag):
        phone.post(at("tag", member.public_id), {**fields, "tag": one.pk})

    assert tags_of(member) == [sorted([tag.pk, other.pk])]
    assert TagChange.objects.filter(member_id=member.pk, added=True).count() == 2


def test_a_late_repeat_neither_undoes_nor_says_what_is_not_so(shop, phone, act, tag, tagged):
    off, on = at("untag", tagged.public_id, tag.pk), at("tag", tagged.public_id)
    fields = act()
    phone.post(off, fields)
    phone.post(on, {**act(), "tag": tag.pk}, follow=True)

    page = phone.post(off, fields, follow=True).content.decode()

    assert tags_of(tagged) == [[tag.pk]]
    assert "已去掉标签" not in page
    assert "还在" not in page


def test_a_tag_just_put_on_can_be_undone_from_its_own_line(shop, phone, act, tag):
    member = shop.members[0]
    answer = phone.post(at("tag", member.public_id), act(tag=tag.pk), follow=True)
    assert f'action="{at("untag", member.public_id, tag.pk)}"' in answer.content.decode()


def test_a_tag_that_a_rule_holds_too_stays_and_the_page_says_so(shop, phone, act, tag, tagged):
    put(tagged, tag, shop.now, claim=TagChange.Claim.RULE, source="rule:7")

    answer = phone.post(at("untag", tagged.public_id, tag.pk), act(), follow=True)

    assert tags_of(tagged) == [[tag.pk]]
    assert f"“{tag.name}”还在" in answer.content.decode().replace("&quot;", '"')


def test_tags_that_are_not_the_guides_and_customers_of_others_are_not_there(
    shop, phone, act, tag, tagged
):
    foreign = shop.others_members[0]
    assert phone.post(at("untag", foreign.public_id, tag.pk), act()).status_code == 404
    TagGroup.objects.update(guides_may_apply=False)

    off = at("untag", tagged.public_id, tag.pk)
    assert off not in card(phone, tagged)
    assert phone.post(off, act()).status_code == 404
    assert tags_of(tagged) == [[tag.pk]]
