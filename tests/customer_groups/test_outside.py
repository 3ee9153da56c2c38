"""Codes and welcomes: one row, one call; a lost answer waits for a person."""

from datetime import timedelta
from uuid import uuid4

import pytest

from apps.accounts.actor import SYSTEM
from apps.core import clock, faults
from apps.customer_groups import services
from apps.customer_groups.errors import GroupsMissing, NotInWeCom, NotUnknown, WelcomeTooLong
from apps.customer_groups.models import CustomerGroup, GroupCode, GroupMembership, GroupWelcome
from apps.customer_groups.selectors import joined_by_code
from apps.customer_groups.services import handover
from apps.outreach import attachments
from apps.outreach.models import MediaUpload
from apps.outreach.services import media
from apps.wecom_sync.services import handle_callbacks
from tests.factories.items import png

pytestmark = pytest.mark.django_db

WAY = "externalcontact/groupchat/add_join_way"
State = GroupCode.State


@pytest.fixture
def group(chat, read):
    read(chat)
    return CustomerGroup.objects.get()


def ask(group, **changes):
    return services.make_code(**{
        "client_id": uuid4(), "name": "门口海报", "groups": [group], "new_groups": True,
        "base_name": "", "actor": SYSTEM, "now": clock.now(), **changes,
    })  # fmt: skip


def ask_welcome(group, text="欢迎入群", **changes):
    return services.make_welcome(**{
        "client_id": uuid4(), "corp_id": group.corp_id, "name": "默认", "text": text,
        "notify": True, "actor": SYSTEM, "now": clock.now(), **changes,
    })  # fmt: skip


def work(times=1):
    for _time in range(times):
        services.hand_over_outside(now=clock.now())


def made(simulator, path=WAY):
    return len(simulator.get(f"/sim/calls?path={path}")["calls"])


def test_a_code_gets_its_address_and_counts_who_came_by_it(simulator, group, told, stranger):
    code = ask(group)
    work(2)
    code.refresh_from_db()
    assert code.state == State.MADE
    assert code.address.endswith(f"/group-code/{code.wecom_id}/")
    ident = stranger()
    simulator.post("/sim/groups/join", config_id=code.wecom_id, external_userid=ident)
    told("update", group.chat_id, UpdateDetail="add_member", MemChangeList={"Item": ident})
    handle_callbacks(now=clock.now())
    assert GroupMembership.objects.get(wecom_id=ident).join_scene == 3
    assert joined_by_code([code]) == {code.pk: 1}


def test_the_same_form_twice_is_one_code(group):
    client_id = uuid4()
    assert ask(group, client_id=client_id) == ask(group, client_id=client_id)
    assert GroupCode.objects.count() == 1


def test_a_lost_answer_is_never_repeated_until_a_person_says_so(simulator, group):
    code = ask(group)
    simulator.post("/sim/faults", path=WAY, drop_connection=True)
    work(3)
    code.refresh_from_db()
    assert code.state == State.UNKNOWN
    calls = made(simulator)
    services.decide_outside(row=code, again=True, actor=SYSTEM, now=clock.now())
    work(2)
    code.refresh_from_db()
    assert (code.state, made(simulator)) == (State.MADE, calls + 1)
    with pytest.raises(NotUnknown):
        services.decide_outside(row=code, again=True, actor=SYSTEM, now=clock.now())


def test_a_worker_that_died_in_its_call_leaves_an_unknown(simulator, group):
    code = ask(group)
    GroupCode.objects.update(call_started_at=clock.now())
    work()
    code.refresh_from_db()
    assert (code.state, made(simulator)) == (State.UNKNOWN, 0)


def test_too_many_calls_is_put_off_and_counts_as_no_try(simulator, group):
    code = ask(group)
    simulator.post("/sim/faults", path=WAY, errcode=45009)
    work()
    code.refresh_from_db()
    assert (code.state, code.attempts, code.call_started_at) == (State.QUEUED, 0, None)
    assert code.not_before > clock.now()


def test_a_code_is_taken_back_once(simulator, group):
    code = ask(group)
    with pytest.raises(NotInWeCom):
        services.take_back(row=code, actor=SYSTEM, now=clock.now())
    work(2)
    code.refresh_from_db()
    for _time in range(2):
        services.take_back(row=code, actor=SYSTEM, now=clock.now())
    work(2)
    code.refresh_from_db()
    assert code.state == State.REMOVED
    assert made(simulator, "externalcontact/groupchat/del_join_way") == 1


def test_a_code_needs_living_groups(simulator, group):
    with pytest.raises(GroupsMissing):
        ask(group, groups=[])
    services.dissolve(corp_id=group.corp_id, chat_id=group.chat_id, at=clock.now())
    group.refresh_from_db()
    with pytest.raises(GroupsMissing):
        ask(group)


def test_a_welcome_is_made_changed_and_taken_back(simulator, group):
    welcome = ask_welcome(group)
    work()
    welcome.refresh_from_db()
    assert welcome.state == State.MADE
    services.change_welcome(welcome=welcome, text="进群有礼", actor=SYSTEM, now=clock.now())
    work()
    services.take_back(row=welcome, actor=SYSTEM, now=clock.now())
    work()
    welcome.refresh_from_db()
    assert (welcome.state, welcome.text) == (State.REMOVED, "进群有礼")


def test_a_welcome_that_wecom_would_refuse_is_refused_before(group):
    with pytest.raises(WelcomeTooLong):
        ask_welcome(group, text="好" * 1001)
    assert not GroupWelcome.objects.exists()


def test_words_changed_during_the_call_are_sent_next(simulator, group, monkeypatch):
    welcome = ask_welcome(group)
    work()
    welcome.refresh_from_db()
    services.change_welcome(welcome=welcome, text="进群有礼", actor=SYSTEM, now=clock.now())

    def point(reached):
        if reached == "customer_groups.called":
            monkeypatch.setattr(faults, "point", lambda _name: None)
            services.change_welcome(welcome=welcome, text="周末有礼", actor=SYSTEM, now=clock.now())

    monkeypatch.setattr(faults, "point", point)
    work()
    welcome.refresh_from_db()
    assert (welcome.state, welcome.text) == (State.CHANGING, "周末有礼")
    work()
    welcome.refresh_from_db()
    assert welcome.state == State.MADE
    texts = [
        call["body"]["text"]["content"]
        for call in simulator.calls("externalcontact/group_welcome_template/edit")
    ]
    assert texts == ["进群有礼", "周末有礼"]


# --- a welcome's picture -------------------------------------------------------------------------

GW = "externalcontact/group_welcome_template"


def picture():
    return attachments.keep_file(attachments.clean_picture(png()))


def test_a_welcome_has_its_picture_and_may_lose_it(simulator, group):
    welcome = ask_welcome(group, picture=picture())
    work()
    body = simulator.calls(f"{GW}/add")[-1]["body"]
    assert body["image"]["media_id"]
    services.change_welcome(welcome=welcome, text="改了", actor=SYSTEM, now=clock.now())
    work()
    welcome.refresh_from_db()
    assert (welcome.state, welcome.text, str(welcome.picture)) == (State.MADE, "改了", "")
    assert "image" not in simulator.calls(f"{GW}/edit")[-1]["body"]


def test_a_picture_that_cannot_be_uploaded_leaves_nothing_unknown(simulator, group):
    welcome = ask_welcome(group, picture=picture())
    simulator.post("/sim/faults", path="media/upload", errcode=45009)
    work()
    welcome.refresh_from_db()
    assert (welcome.state, welcome.call_started_at) == (State.QUEUED, None)
    assert made(simulator, f"{GW}/add") == 0


def test_a_dead_worker_is_not_forgotten_over_a_picture(simulator, group):
    welcome = ask_welcome(group, picture="attachments/gone.png")
    GroupWelcome.objects.update(call_started_at=clock.now())
    work()
    welcome.refresh_from_db()
    assert (welcome.state, made(simulator, f"{GW}/add")) == (State.UNKNOWN, 0)


def during_upload(monkeypatch, act):
    """`act` happens after the next picture was brought and before its call is marked."""
    bring = media.bring

    def brings(**wanted):
        found = bring(**wanted)
        monkeypatch.setattr(media, "bring", bring)
        act()
        return found

    monkeypatch.setattr(media, "bring", brings)


def test_a_slow_upload_leaves_the_call_a_whole_lease(simulator, group, monkeypatch):
    first, second = (ask_welcome(group, picture=picture()) for _one in range(2))
    leases = []

    def expire():
        GroupWelcome.objects.update(lease_until=clock.now())

    def point(reached):
        if reached == "customer_groups.call_started":
            calling = GroupWelcome.objects.exclude(call_started_at=None).filter(wecom_id="")
            leases.append(calling.get().lease_until)

    during_upload(monkeypatch, expire)
    monkeypatch.setattr(faults, "point", point)
    work()
    assert min(leases) > clock.now() + timedelta(seconds=handover.LEASE_SECONDS - 30)
    assert len(leases) == 2
    for welcome in (first, second):
        welcome.refresh_from_db()
        assert welcome.state == State.MADE


def test_a_picture_changed_during_the_upload_is_brought_before_anything_is_called(
    simulator, group, monkeypatch
):
    welcome, other = ask_welcome(group, picture=picture()), picture()

    def change():
        GroupWelcome.objects.update(picture=other)

    during_upload(monkeypatch, change)
    work()
    welcome.refresh_from_db()
    assert (welcome.state, welcome.call_started_at) == (State.QUEUED, None)
    assert (welcome.lease_token, made(simulator, f"{GW}/add")) == (None, 0)
    work()
    welcome.refresh_from_db()
    assert welcome.state == State.MADE
    (call,) = simulator.calls(f"{GW}/add")
    kept = MediaUpload.objects.get(file=other)
    assert call["body"]["image"]["media_id"] == kept.media_id
