"""Given-up events: why, how many, and reading one, a group or a span of time again."""

import itertools
from datetime import timedelta

import pytest
from django.urls import reverse

from apps.accounts.capabilities import Role
from apps.accounts.models import AuditEntry
from apps.core import clock
from apps.wecom.callback_words import KINDS
from apps.wecom.models import CallbackEndpoint, RawCallback
from apps.wecom_sync.services.callbacks import KNOWN
from tests.factories import outreach as make
from tests.hq.conftest import signed_in

PAGE, AGAIN = reverse("hq:dead_callbacks"), reverse("hq:read_again")
_numbers = itertools.count(1)
Status = RawCallback.Status


@pytest.fixture
def kept(db, fixed_clock):
    make.connect_corp()

    def keep(count=1, *, ago=timedelta(), change="add_external_contact", **fields):
        at = clock.now() - ago
        return [
            RawCallback.objects.create(
                key=next(_numbers).to_bytes(32, "big"),
                endpoint=CallbackEndpoint.objects.get(),
                change_type=change,
                fields={},
                received_at=at,
                not_before=at,
                **{
                    "event": "change_external_contact",
                    "status": Status.DEAD,
                    "last_error": "worker lost",
                    "attempts": 8,
                    **fields,
                },
            )
            for _one in range(count)
        ]

    return keep


def waiting():
    return RawCallback.objects.filter(status=Status.RECEIVED).count()


def test_reasons_are_grouped_with_what_to_do_and_todays_events_counted(kept, admin_client):
    kept(3)
    kept(2, change="del_follow_user", last_error="Refused 60111")
    kept(4, status=Status.DONE, handled_at=clock.now(), last_error="")

    page = admin_client.get(PAGE).content.decode()

    assert "5 个事件多次尝试后仍未处理成功" in page
    assert "每次处理都会中断" in page
    assert "不在应用可见范围内" in page  # WeCom's number in words, and where it is mended
    assert "Refused 60111" in page
    assert "客户删除导购" in page
    assert f'<td class="n">{7}</td>' in page  # friends added today, of every state


def test_a_group_is_read_again_and_the_rest_stays(kept, admin_client):
    group, other = kept(3), kept(2, last_error="Refused 60111")

    admin_client.post(
        AGAIN,
        {
            "event": "change_external_contact",
            "change_type": "add_external_contact",
            "reason": "worker lost",
        },
    )

    assert waiting() == len(group)
    assert {row.status for row in RawCallback.objects.filter(pk__in=[r.pk for r in other])} == {
        Status.DEAD
    }
    entry = AuditEntry.objects.get(action="wecom.replay_callbacks")
    assert (entry.detail["replayed"], entry.detail["reason"]) == (3, "worker lost")


def test_a_span_of_time_is_read_again_handled_ones_only_when_asked(kept, admin_client):
    kept(1, ago=timedelta(hours=5))
    kept(1, ago=timedelta(hours=1))
    kept(1, ago=timedelta(hours=1), status=Status.DONE, handled_at=clock.now(), last_error="")
    local = clock.now().astimezone(clock.chain_tz())
    span = {
        "since": f"{local - timedelta(hours=2):%Y-%m-%dT%H:%M}",
        "until": f"{local:%Y-%m-%dT%H:%M}",
    }

    admin_client.post(AGAIN, span)
    assert waiting() == 1
    admin_client.post(AGAIN, {**span, "handled": "on"})
    assert waiting() == 2


def test_a_span_that_makes_no_sense_is_said(kept, admin_client):
    kept(1)
    answer = admin_client.post(AGAIN, {"since": "2026-03-18T10:00", "until": "2026-03-18T09:00"})
    assert (answer.status_code, "要早于" in answer.content.decode()) == (422, True)
    assert admin_client.post(AGAIN, {"handled": "on"}).status_code == 422
    assert waiting() == 0


def test_who_may_not_act_sees_no_button(kept):
    kept(1)
    client = signed_in(Role.HQ_OPERATOR)

    assert AGAIN not in client.get(PAGE).content.decode()
    assert client.post(AGAIN, {}).status_code == 403


def test_every_event_we_handle_has_words_and_one_that_is_news_keeps_wecoms(kept, admin_client):
    assert [kind for kind in KNOWN if kind not in KINDS] == []
    kept(change="", event="unsubscribe")
    kept(change="brand_new", event="change_external_contact")
    rows = reverse("admin:wecom_rawcallback_changelist")

    for address in (PAGE, rows):
        page = admin_client.get(address).content.decode()
        assert "成员不能再使用应用" in page
        assert ">unsubscribe" not in page
        assert "change_external_contact brand_new" in page

    found = admin_client.get(rows, {"kind": "unsubscribe."}).context["cl"].queryset
    assert [row.event for row in found] == ["unsubscribe"]
    links = [row.link for row in admin_client.get(PAGE).context["groups"]]
    found = [admin_client.get(link).context["cl"] for link in links]
    assert sorted(row.event for cl in found for row in cl.queryset) == [
        "change_external_contact",
        "unsubscribe",
    ]
    # the filter beside the list says what is shown, and can be taken off
    assert all(
        any(spec.value() for spec in cl.filter_specs if spec.title == "事件") for cl in found
    )
