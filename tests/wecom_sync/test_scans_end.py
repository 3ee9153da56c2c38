"""Head office's scan ends with the WeCom account, and goes on by its new name."""

from datetime import timedelta

import pytest

from apps.accounts.capabilities import Role
from apps.accounts.models import AuditEntry, User
from apps.core import clock
from apps.wecom_sync.services import handle_callbacks
from tests.factories import outreach as make
from tests.factories.callbacks import keep_event

pytestmark = pytest.mark.django_db


def person(username="hejing", corp_id="", userid="hq_hejing"):
    """Of head office, for days; in no store, so no guide."""
    return User.objects.create(
        username=username,
        role=Role.HQ_ADMIN,
        wecom_userid=userid,
        wecom_corp_id=corp_id,
        date_joined=clock.now() - timedelta(days=9),
    )


def tell(change, hours=0.0, userid="hq_hejing", **fields):
    keep_event(
        "change_contact" if change != "unsubscribe" else change,
        change if change != "unsubscribe" else "",
        {"UserID": userid, "FromUserName": userid, **fields},
        at=clock.now() - timedelta(hours=hours),
    )
    handle_callbacks(now=clock.now())


def scans_with(user):
    user.refresh_from_db()
    return user.wecom_userid


def actions():
    return list(AuditEntry.objects.order_by("pk").values_list("action", flat=True))


def appear(simulator, userid="hq_hejing"):
    simulator.post("/sim/seed", departments=[{"id": 1, "name": "总部"}])
    simulator.post("/sim/users/create", userid=userid, name="新人", department=[1])


@pytest.mark.parametrize("corp_id", ["", make.CORP])
@pytest.mark.parametrize("anew", [False, True])
def test_whoever_is_given_a_deleted_account_does_not_scan_in(corp_id, anew, corp, simulator):
    user, other = person(corp_id=corp_id), person("else", corp_id="wwother0000000009")
    if anew:
        appear(simulator)

    tell("delete_user", 1)

    assert scans_with(user) == ""
    assert scans_with(other) == "hq_hejing"
    assert actions() == ["account.wecom_ended"]


def test_an_end_told_again_later_leaves_what_was_entered_since(corp, simulator):
    user = person()
    tell("delete_user", 2)
    User.objects.filter(pk=user.pk).update(wecom_userid="hq_hejing")
    appear(simulator)

    tell("delete_user", 2.5)
    newer = User.objects.create(username="new", wecom_userid="hq_hejing", wecom_corp_id=make.CORP)
    tell("delete_user", 1, userid="somebody")
    tell("delete_user", 3)

    assert (scans_with(user), scans_with(newer)) == ("hq_hejing", "hq_hejing")


def test_out_of_the_visible_range_is_no_deletion(corp, simulator):
    user = person()

    tell("unsubscribe")

    assert scans_with(user) == "hq_hejing"


def test_a_new_account_name_is_followed_and_the_old_one_opens_nothing(corp, simulator):
    user = person()
    appear(simulator, "he.jing")

    for _time in range(2):
        tell("update_user", NewUserID="he.jing")

    assert scans_with(user) == "he.jing"
    assert actions() == ["account.wecom_moved"]


def test_a_new_name_that_somebody_else_scans_with_already_stays_theirs(corp, simulator):
    user, holder = person(), person("holder", make.CORP, "he.jing")
    appear(simulator, "he.jing")

    tell("update_user", NewUserID="he.jing")

    assert (scans_with(user), scans_with(holder)) == ("", "he.jing")
    assert actions() == ["account.wecom_ended"]
