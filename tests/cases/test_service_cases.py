"""客诉: from the first word to the result, who may do what, whom rules leave alone meanwhile."""

import uuid
from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from psycopg.types.range import DateRange

from apps.accounts.actor import Actor
from apps.accounts.capabilities import ROLE_CAPABILITIES, Role
from apps.accounts.models import AuditEntry
from apps.cases import errors, selectors, services
from apps.cases.models import CaseStep, ServiceCase
from apps.core import clock
from apps.guide_tasks import services as guide_tasks
from apps.guide_tasks.models import State, TaskRule, TaskTarget
from apps.guide_tasks.services import rules
from apps.outreach.models import GuideNotice
from apps.stores.models import Posting
from apps.timeline.models import MemberEvent
from tests.factories.cases import complain, lead_actor, settle
from tests.factories.facts import make_guide, make_store
from tests.factories.outreach import CORP
from tests.factories.tasks import buy, make_team

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("fixed_clock")]
HQ = Actor(
    user_id=1, role=Role.HQ_OPERATOR, sees_all=True, capabilities=ROLE_CAPABILITIES["hq_operator"]
)


@pytest.fixture
def shop(fixed_clock):
    store = make_store()
    (team,) = make_team(fixed_clock, guides=1, friends=3, store=store)
    return store, *team


@pytest.fixture
def manager(shop, fixed_clock):
    guide = make_guide(None, corp=CORP)
    Posting.objects.create(
        guide=guide,
        store=shop[0],
        role="store_manager",
        during=DateRange(fixed_clock.date() - timedelta(days=9), None),
    )
    return guide


def kinds(member):
    events = MemberEvent.objects.filter(member_id=member.pk, kind__startswith="case.")
    return list(events.order_by("id").values_list("kind", flat=True))


def test_the_same_form_twice_is_one_case_that_the_manager_hears_of(shop, manager, fixed_clock):
    _store, guide, (member, *_rest) = shop
    form = uuid.uuid4()
    rows = [complain(member, guide, fixed_clock, client_id=form) for _twice in range(2)]

    assert rows[0] == rows[1]
    row = ServiceCase.objects.get()
    assert (row.state, row.holder, row.guide, row.store) == ("open", "store", guide, shop[0])
    assert row.due_at == fixed_clock + timedelta(hours=48)
    assert selectors.words_of(row) == "拉链坏了"
    assert "拉链" not in bytes(row.words_enc).decode("latin-1")
    card = GuideNotice.objects.get(source__startswith=row.label)
    assert card.guide == manager
    assert "拉链" not in card.body
    assert kinds(member) == ["case.opened"]
    with pytest.raises(errors.CaseTaken):
        complain(shop[2][1], guide, fixed_clock, client_id=form)


@pytest.mark.parametrize("words", ["", "   ", "打我电话 13800001234"])
def test_words_are_asked_for_and_hold_no_number(shop, fixed_clock, words):
    with pytest.raises((errors.WordsMissing, errors.NumberInWords)):
        complain(shop[2][0], shop[1], fixed_clock, words=words)
    assert not ServiceCase.objects.exists()


def test_from_open_to_closed_and_open_again_each_step_once(shop, manager, fixed_clock):
    _store, guide, (member, *_rest) = shop
    case, lead = complain(member, guide, fixed_clock), lead_actor(manager, fixed_clock)
    later = fixed_clock + timedelta(hours=1)
    for _twice in range(2):
        services.take_up(case_id=case.pk, actor=lead, now=later)
    for _twice in range(2):
        settle(case, manager, later)
    case.refresh_from_db()
    assert (case.state, case.result, case.closed_at) == ("closed", "repaired", later)
    told = GuideNotice.objects.get(guide=guide, source__contains=":closed:")
    assert "维修" in told.body
    with pytest.raises(errors.CaseMoved):
        settle(case, manager, later, result="exchanged")
    for _twice in range(2):
        services.reopen(case_id=case.pk, words="又坏了", actor=lead, now=later)
    case.refresh_from_db()
    assert (case.state, case.result, case.due_at) == ("reopened", "", later + timedelta(hours=48))

    steps = CaseStep.objects.order_by("pk")
    assert list(steps.values_list("from_state", "to_state")) == [
        ("", "open"), ("open", "in_hand"), ("in_hand", "closed"), ("closed", "reopened"),
    ]  # fmt: skip
    assert [selectors.words_of(step) for step in steps] == ["", "", "换了拉链", "又坏了"]
    assert kinds(member) == ["case.opened", "case.closed", "case.reopened"]
    actions = AuditEntry.objects.filter(object_type="service_case").order_by("pk")
    assert [one.action for one in actions] == [
        "case.opened", "case.in_hand", "case.closed", "case.reopened",
    ]  # fmt: skip


def test_a_result_without_a_sentence_is_none(shop, manager, fixed_clock):
    case = complain(shop[2][0], shop[1], fixed_clock)
    for given, refusal in (
        ({"result": "erased"}, errors.ResultMissing),
        ({"result": ""}, errors.ResultMissing),
        ({"words": " "}, errors.WordsMissing),
    ):
        with pytest.raises(refusal):
            settle(case, manager, fixed_clock, **given)
    with pytest.raises(IntegrityError), transaction.atomic():
        ServiceCase.objects.update(state="closed")


def test_only_who_leads_the_place_settles_and_nobody_a_complaint_about_themselves(
    shop, manager, fixed_clock
):
    _store, guide, (member, *_rest) = shop
    case = complain(member, guide, fixed_clock)
    far = make_guide(None, corp=CORP)
    Posting.objects.create(
        guide=far, store=make_store(region="west"), role="store_manager",
        during=DateRange(fixed_clock.date(), None),
    )  # fmt: skip
    for who in (guide, far):
        with pytest.raises(errors.NotYoursToSettle):
            settle(case, who, fixed_clock)
    about = complain(member, manager, fixed_clock, kind="attitude")
    ServiceCase.objects.filter(pk=about.pk).update(guide=manager)
    with pytest.raises(errors.AboutYourself):
        settle(about, manager, fixed_clock)
    auditor = Actor(user_id=2, sees_all=True, capabilities=ROLE_CAPABILITIES["auditor"])
    with pytest.raises(errors.NotYoursToSettle):
        services.take_up(case_id=case.pk, actor=auditor, now=fixed_clock)


def test_head_office_takes_it_out_of_the_stores_hand_and_gives_it_back(shop, manager, fixed_clock):
    case = complain(shop[2][0], shop[1], fixed_clock)
    lead = lead_actor(manager, fixed_clock)
    services.take_up(case_id=case.pk, actor=lead, now=fixed_clock)
    for _twice in range(2):
        services.take_up(case_id=case.pk, actor=HQ, now=fixed_clock)
    case.refresh_from_db()
    assert (case.state, case.holder) == ("in_hand", "hq")
    with pytest.raises(errors.WithHeadOffice):
        settle(case, manager, fixed_clock)
    for _twice in range(2):
        services.hand_back(case_id=case.pk, actor=HQ, now=fixed_clock)
    case.refresh_from_db()
    assert (case.state, case.holder) == ("open", "store")
    assert settle(case, manager, fixed_clock).is_closed


def test_past_its_time_the_manager_is_told_once_for_each_time(shop, manager, fixed_clock):
    case = complain(shop[2][0], shop[1], fixed_clock)
    with_hq = complain(shop[2][1], shop[1], fixed_clock)
    services.take_up(case_id=with_hq.pk, actor=HQ, now=fixed_clock)
    late = fixed_clock + timedelta(hours=49)
    assert services.tell_late(now=fixed_clock) == 0
    assert [services.tell_late(now=late) for _twice in range(2)] == [1, 0]
    cards = GuideNotice.objects.filter(source__contains=":late:")
    assert list(cards.values_list("guide", flat=True)) == [manager.pk]
    settle(case, manager, late)
    lead = lead_actor(manager, late)
    services.reopen(case_id=case.pk, words="又坏了", actor=lead, now=late)
    assert services.tell_late(now=late + timedelta(hours=49)) == 1
    assert cards.count() == 2


def test_who_is_forgotten_leaves_no_words_and_nothing_open(shop, manager, fixed_clock):
    member = shop[2][0]
    done, waits = (complain(member, shop[1], fixed_clock) for _n in range(2))
    settle(done, manager, fixed_clock)
    before = kinds(member)
    assert services.forget_members(member_ids=[member.pk], now=fixed_clock) == 2
    rows = ServiceCase.objects.order_by("pk")
    assert list(rows.values_list("state", "result")) == [
        ("closed", "repaired"), ("closed", "erased"),
    ]  # fmt: skip
    assert {bytes(row.words_enc) for row in (*rows, *CaseStep.objects.all())} == {b""}
    assert kinds(member) == before
    assert waits in rows


# --- what rules do --------------------------------------------------------------------------------


def made(key):
    return TaskTarget.objects.filter(push__rule__key=key)


@pytest.fixture
def standing(fixed_clock):
    guide_tasks.ensure_default_rules(now=fixed_clock - timedelta(days=60))


@pytest.mark.usefixtures("standing")
def test_care_leaves_alone_who_has_an_open_complaint(shop, manager, fixed_clock):
    store, guide, (complains, other, *_rest) = shop
    case = complain(complains, guide, fixed_clock)
    for member in (complains, other):
        buy(member, store, fixed_clock - timedelta(hours=2), now=fixed_clock)
    rules.run_rules(now=fixed_clock)
    assert set(made("care").values_list("member_id", flat=True)) == {other.pk}

    settle(case, manager, fixed_clock)
    rules.run_rules(now=fixed_clock)
    assert set(made("care").values_list("member_id", flat=True)) == {complains.pk, other.pk}


@pytest.mark.usefixtures("standing")
def test_work_that_rules_had_made_is_excused_when_a_complaint_comes(shop, fixed_clock):
    store, guide, (complains, other, *_rest) = shop
    for member in (complains, other):
        buy(member, store, fixed_clock - timedelta(hours=2), now=fixed_clock)
    rules.run_rules(now=fixed_clock)
    complain(complains, guide, fixed_clock)
    assert rules.run_rules(now=fixed_clock).excused == 1
    assert rules.run_rules(now=fixed_clock).excused == 0
    target = made("care").get(member=complains)
    assert (target.state, target.excuse_reason) == (State.NOT_APPLICABLE, "complaint")
    assert made("care").get(member=other).state == State.OPEN


@pytest.mark.usefixtures("standing")
def test_the_day_after_it_was_closed_somebody_asks_once(shop, manager, fixed_clock):
    _store, guide, (member, *_rest) = shop
    case = complain(member, guide, fixed_clock)
    rules.run_rules(now=fixed_clock)
    assert not made("case_closed").exists()
    settle(case, manager, fixed_clock)
    for _twice in range(2):
        rules.run_rules(now=fixed_clock)
    target = made("case_closed").get()
    assert (target.member, target.guide) == (member, guide)
    today = clock.business_day(fixed_clock)
    assert clock.business_day(target.opens_at) == today + timedelta(days=1)
    assert f"{today.month}-{today.day:02d}" in target.why

    # open again: that is settled first, and the next closing is asked about anew
    later = fixed_clock + timedelta(hours=1)
    lead = lead_actor(manager, fixed_clock)
    services.reopen(case_id=case.pk, words="又坏了", actor=lead, now=later)
    assert rules.run_rules(now=later).excused == 1
    tomorrow = fixed_clock + timedelta(days=1)
    settle(case, manager, tomorrow)
    for _twice in range(2):
        rules.run_rules(now=tomorrow)
    assert made("case_closed").filter(state=State.OPEN).count() == 1


@pytest.mark.usefixtures("standing")
def test_head_office_may_switch_that_off(shop, manager, fixed_clock):
    TaskRule.objects.filter(key="case_closed").update(is_active=False)
    settle(complain(shop[2][0], shop[1], fixed_clock), manager, fixed_clock)
    rules.run_rules(now=fixed_clock)
    assert not made("case_closed").exists()
