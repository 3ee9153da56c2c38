"""A push to very many guides tells each of them once."""

from datetime import date, timedelta

import pytest
from psycopg.types.range import DateRange

from apps.accounts.actor import SYSTEM
from apps.guide_tasks import services
from apps.guide_tasks.models import GuideTask
from apps.members import services as members
from apps.outreach.models import GuideNotice
from apps.stores.models import Guide, Posting
from tests.factories.facts import make_store
from tests.factories.outreach import CORP, connect_corp
from tests.factories.tasks import make_push

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("fixed_clock")]
GUIDES = 1_000


@pytest.fixture
def people(moment):
    """A consenting friend for each of a thousand guides."""
    connect_corp()
    store, since = make_store(), moment - timedelta(days=60)
    guides = Guide.objects.bulk_create(
        Guide(corp_id=CORP, wecom_userid=f"many{n}", name="周婷") for n in range(GUIDES)
    )
    Posting.objects.bulk_create(
        Posting(guide=guide, store=store, during=DateRange(date(2020, 1, 1), None))
        for guide in guides
    )
    consent = [members.ConsentRow("wecom_marketing", "v1", "pos", since)]
    rows = [
        members.MemberRow(
            identities=[("external_userid", CORP, f"wmMany{n}")], name="林晓雯", consents=consent
        )
        for n in range(GUIDES)
    ]
    found = members.resolve_members(rows=rows, now=since, source="test", actor=SYSTEM)
    ids = [one.member_id for one in found]
    members.start_follows(
        rows=[
            members.FollowRow(CORP, guide.pk, member_id, f"wmMany{n}", since)
            for n, (guide, member_id) in enumerate(zip(guides, ids, strict=True))
        ],
        now=since,
    )
    return ids


def test_a_thousand_guides_are_told_once_when_a_push_is_handed_out_twice(people, moment):
    push = make_push(people, moment)

    for again in range(2):
        services.hand_out(push=push, now=moment + timedelta(hours=again), actor=SYSTEM)

    notices = GuideNotice.objects.all()
    assert GuideTask.objects.filter(push=push).count() == GUIDES
    assert notices.count() == GUIDES
    assert notices.values("guide_id").distinct().count() == GUIDES
