"""What a guide puts into a chat or into groups leads through links of theirs: whoever taps has
engaged, and an order that comes by one is the guide's."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.guide_tasks import services
from apps.guide_tasks.models import Grade, LinkOrder
from apps.guide_tasks.services.link_orders import credit_links
from apps.members.models import FollowRelation, Member
from apps.orders.models import Order
from apps.outreach.models import Attachment, Dispatch, LinkClick, MessageTemplate, TrackedLink
from apps.outreach.services import guide_pieces, record_click, share_links
from apps.outreach.services.erasure import forget_members
from apps.timeline.models import Kind, MemberEvent
from tests.factories.facts import make_store
from tests.factories.items import make_item_push
from tests.factories.outreach import make_asset
from tests.factories.tasks import buy, hand_out, make_team, tap, target_of

pytestmark = [pytest.mark.django_db, pytest.mark.service, pytest.mark.usefixtures("fixed_clock")]

PAGE = "https://shop.example.com/boots?size=38"
LINK = {"kind": "link", "title": "新靴", "summary": "", "url": PAGE, "picture_url": ""}
MINI = {"kind": "miniprogram", "title": "商城", "appid": "wx1", "page": "pages/a", "file": "f.png"}
PICTURE = {"kind": "image", "title": "", "file": "p.png"}


def external(member):
    return FollowRelation.objects.get(member=member, until=None).external_userid


def engaged(member):
    return MemberEvent.objects.filter(member_id=member.pk, kind=Kind.ENGAGED)


@pytest.fixture
def piece_link(target):
    """The link of the card that goes into the chat of this target's customer."""
    guide_pieces(pieces=[LINK], guide_ids=[target.guide_id], source=target.source)
    return TrackedLink.objects.get(source=target.source)


def test_a_card_leads_through_our_link_to_its_page(piece_link, moment):
    target = record_click(code=piece_link.code, external_userid=None, now=moment)

    assert target == f"{PAGE}&link_code={piece_link.code}"
    assert LinkClick.objects.get().member is None


def test_the_customers_tap_on_a_card_of_the_chat_is_proof(piece_link, target, moment):
    record_click(code=piece_link.code, external_userid=external(target.member), now=moment)

    assert services.take_clicks(now=moment) == 1
    assert services.take_clicks(now=moment) == 0

    target.refresh_from_db()
    assert (target.contact_grade, target.engaged_at) == (Grade.DELIVERED, moment)
    assert engaged(target.member).count() == 1


def test_passed_on_to_another_customer_it_proves_nothing(piece_link, target, people, moment):
    other = next(one for one in people if one.pk != target.member_id)
    record_click(code=piece_link.code, external_userid=external(other), now=moment)
    record_click(code=piece_link.code, external_userid="wmNobodyWeKnow", now=moment)

    services.take_clicks(now=moment)

    target.refresh_from_db()
    assert (target.engaged_at, target.contact_grade) == (None, Grade.NONE)
    assert not engaged(other).exists()


def test_whoever_was_merged_is_the_same_person(piece_link, target, people, moment):
    other = next(one for one in people if one.pk != target.member_id)
    Member.objects.filter(pk=target.member_id).update(survivor_id=other.pk)
    record_click(code=piece_link.code, external_userid=external(target.member), now=moment)

    services.take_clicks(now=moment)

    target.refresh_from_db()
    assert target.engaged_at == moment


def test_a_card_in_a_mass_send_is_proof_like_the_link_under_the_text(people, moment):
    script = MessageTemplate.objects.create(name="带链接", body="新靴到店", generic_body="新靴到店")
    Attachment.objects.create(script=script, kind="link", title="新靴", url=PAGE)
    push = hand_out(people, moment, template=script, body="", generic_body="")
    target = target_of(push, people[0])
    dispatch = tap(target, moment)
    link = TrackedLink.objects.get(dispatch=dispatch, address=PAGE)
    assert dispatch.attachments[0]["url"].endswith(f"/l/{link.code}/")
    record_click(code=link.code, external_userid=target.external_userid, now=moment)

    assert services.take_clicks(now=moment) == 1

    target.refresh_from_db()
    assert (target.contact_grade, target.engaged_at) == (Grade.DELIVERED, moment)


def test_a_tap_out_of_a_group_is_in_the_story_once(target, people, moment):
    guide_pieces(pieces=[LINK], guide_ids=[target.guide_id], source="task_push:1")
    link = TrackedLink.objects.get(source="task_push:1")
    for minutes in (0, 5, 90):
        at = moment + timedelta(minutes=minutes)
        record_click(code=link.code, external_userid=external(people[1]), now=at)
        services.take_clicks(now=at)

    event = engaged(people[1]).get()
    assert event.payload == {"source": f"tracked_link:{link.pk}", "guide_id": target.guide_id}
    assert event.occurred_at == moment
    target.refresh_from_db()
    assert target.engaged_at is None  # it was no message to anybody by name


def test_a_page_shared_by_hand_tells_who_opened_it(target, people, moment):
    asset = make_asset()
    link = share_links(guide_id=target.guide_id, asset_ids=[asset.pk])[asset.pk]
    record_click(code=link.code, external_userid=external(people[0]), now=moment)

    services.take_clicks(now=moment)

    assert engaged(people[0]).count() == 1
    assert Dispatch.objects.count() == 0


def test_who_tapped_stays_with_the_tap_only_until_it_is_told(piece_link, target, people, moment):
    record_click(code=piece_link.code, external_userid=external(target.member), now=moment)
    services.take_clicks(now=moment)
    assert LinkClick.objects.get().member is None

    record_click(code=piece_link.code, external_userid=external(target.member), now=moment)
    forget_members(member_ids=[target.member_id])
    assert not LinkClick.objects.exclude(member=None).exists()


def test_an_order_by_a_groups_mini_program_is_the_guides_and_the_pushs(target, moment):
    push = make_item_push(moment)
    coded = guide_pieces(pieces=[PICTURE, MINI], guide_ids=[target.guide_id], source=push.source)[
        target.guide_id
    ]
    link = TrackedLink.objects.get(source=push.source)
    assert coded == [PICTURE, {**MINI, "page": f"pages/a?link_code={link.code}"}]
    order = Order.objects.get(pk=buy(target.member, make_store(), moment))

    assert credit_links(codes={order.pk: link.code}, now=moment) == set()

    kept = LinkOrder.objects.get()
    assert (kept.guide_id, kept.push_id) == (target.guide_id, push.pk)


def test_each_guide_has_a_link_made_once_and_many_cost_as_much_as_few(moment):
    guides = [guide.pk for guide, *_rest in make_team(moment, guides=3, friends=1)]

    def asked(ids):
        with CaptureQueriesContext(connection) as queries:
            made = guide_pieces(pieces=[LINK, MINI], guide_ids=ids, source="task_push:7")
        return len(queries), made

    few, first = asked(guides[:1])
    many, every = asked(guides)
    assert many == few <= 3
    assert every[guides[0]] == first[guides[0]]
    assert asked(guides)[0] == 1
    assert TrackedLink.objects.filter(source="task_push:7").count() == 2 * len(guides)
    assert len({str(pieces) for pieces in every.values()}) == len(guides)


def test_pictures_alone_need_no_link():
    with CaptureQueriesContext(connection) as queries:
        made = guide_pieces(pieces=[PICTURE], guide_ids=[1, 2], source="task_push:7")

    assert (made, len(queries)) == ({1: [PICTURE], 2: [PICTURE]}, 0)
