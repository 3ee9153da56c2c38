from datetime import timedelta

import pytest
from django.db import transaction

from apps.accounts.actor import SYSTEM
from apps.core import clock
from apps.wecom import selectors, services
from apps.wecom.errors import CallbackLeaseLost, Refused
from apps.wecom.models import CallbackEndpoint, Corp, CorpApp, RawCallback

from .conftest import added

pytestmark = pytest.mark.service
Status = RawCallback.Status


@pytest.fixture
def keep(endpoint, seal):
    def one(external_userid="wmA"):
        sealed = seal(added(external_userid=external_userid))
        return services.receive_callback(
            endpoint=endpoint, seal=sealed.seal, body=sealed.body.encode()
        )

    return one


def claim_one():
    batch = services.claim_callbacks(now=clock.now())
    (row,) = batch.rows
    return row, batch.token


def test_keeping_tells_new_from_known(keep):
    assert keep() is True
    assert keep() is False


def test_a_claimed_callback_is_claimed_once(keep):
    keep()

    row, _token = claim_one()

    assert (row.status, row.attempts) == (Status.PROCESSING, 1)
    assert services.claim_callbacks(now=clock.now()).rows == ()


def test_claims_come_oldest_first_and_bounded(keep):
    for name in ("wm1", "wm2", "wm3"):
        keep(name)

    batch = services.claim_callbacks(now=clock.now(), limit=2)

    assert [row.fields["ExternalUserID"] for row in batch.rows] == ["wm1", "wm2"]


def test_an_expired_lease_is_claimed_again(keep):
    keep()
    first, stale = claim_one()
    later = clock.now() + timedelta(seconds=services.LEASE_SECONDS + 1)

    batch = services.claim_callbacks(now=later)

    assert [row.pk for row in batch.rows] == [first.pk]
    with pytest.raises(CallbackLeaseLost):
        services.finish(first, stale)
    services.finish(first, batch.token)
    assert RawCallback.objects.get().status == Status.DONE


def test_finishing_commits_or_rolls_back_with_the_effect(keep):
    keep()
    row, token = claim_one()

    with transaction.atomic():
        services.finish(row, token)
        transaction.set_rollback(True)

    assert RawCallback.objects.get().status == Status.PROCESSING


def test_what_is_not_for_us_is_closed_as_ignored(keep):
    keep()
    row, token = claim_one()

    services.finish(row, token, ignored=True)

    row.refresh_from_db()
    assert (row.status, row.lease_token) == (Status.IGNORED, None)
    assert row.handled_at is not None


def test_a_failure_waits_before_the_next_attempt(keep):
    keep()
    row, token = claim_one()
    before = clock.now()

    services.fail(row, token, Refused("externalcontact/get", errcode=84061))

    row.refresh_from_db()
    assert (row.status, row.last_error) == (Status.RECEIVED, "Refused 84061")
    assert row.not_before > before
    assert services.claim_callbacks(now=before).rows == ()


def test_an_error_s_own_text_is_not_kept(keep):
    keep()
    row, token = claim_one()

    services.fail(row, token, ValueError("13800001234 is no number"))

    row.refresh_from_db()
    assert row.last_error == "ValueError"


def test_pauses_grow_and_the_last_attempt_gives_up(keep):
    keep()
    now, pauses = clock.now(), []
    for _ in range(services.MAX_ATTEMPTS):
        batch = services.claim_callbacks(now=now)
        with clock.at(now):
            services.fail(batch.rows[0], batch.token, "no luck")
        row = RawCallback.objects.get()
        pauses.append((row.not_before - now).total_seconds())
        now = row.not_before + timedelta(seconds=1)

    assert row.status == Status.DEAD
    assert pauses[0] <= services.BACK_OFF_SECONDS < pauses[-1]
    assert services.claim_callbacks(now=now + timedelta(days=1)).rows == ()


def test_a_callback_that_kills_its_worker_each_time_is_given_up(keep):
    keep()
    now = clock.now()
    for _ in range(services.MAX_ATTEMPTS):
        assert len(services.claim_callbacks(now=now).rows) == 1
        now += timedelta(seconds=services.LEASE_SECONDS + 1)

    assert services.claim_callbacks(now=now).rows == ()
    assert RawCallback.objects.get().status == Status.DEAD


def test_failing_without_the_lease_changes_nothing(keep):
    keep()
    row, stale = claim_one()
    later = clock.now() + timedelta(seconds=services.LEASE_SECONDS + 1)
    services.claim_callbacks(now=later)

    services.fail(row, stale, "late")

    row.refresh_from_db()
    assert (row.status, row.last_error) == (Status.PROCESSING, "")


def test_replay_puts_finished_rows_back_and_leaves_those_in_work(keep):
    keep("wm1")
    done, token = claim_one()
    services.finish(done, token)
    keep("wm2")
    busy, _token = claim_one()

    replayed = services.replay(ids=[done.pk, busy.pk], actor=SYSTEM)

    assert replayed == 1
    done.refresh_from_db()
    busy.refresh_from_db()
    assert (done.status, done.attempts, done.handled_at) == (Status.RECEIVED, 0, None)
    assert busy.status == Status.PROCESSING


def test_only_old_finished_callbacks_are_forgotten(keep):
    keep("wm1")
    row, token = claim_one()
    services.finish(row, token)
    keep("wm2")
    later = clock.now() + timedelta(days=services.KEEP_DAYS + 1)

    assert services.forget_old_callbacks(now=clock.now()) == 0
    assert services.forget_old_callbacks(now=later) == 1
    assert RawCallback.objects.get().status == Status.RECEIVED


def test_inbox_health_counts_what_waits_and_what_was_given_up(keep):
    keep("wm1")
    keep("wm2")
    RawCallback.objects.filter(fields__ExternalUserID="wm2").update(status=Status.DEAD)

    health = selectors.inbox_health()

    assert (health.waiting, health.dead) == (1, 1)
    assert health.oldest_waiting_at is not None


def test_connecting_twice_changes_nothing_and_keeps_secrets_sealed(corp):
    app = CorpApp.objects.get()
    sealed = bytes(app.secret_enc)

    services.connect_corp(
        corp_id=corp.corp_id,
        corp_name="Another name",
        agent_id=app.agent_id,
        secret="another secret",
        token="t",
        aes_key="k",
        slug="contacts",
    )

    assert (Corp.objects.count(), CorpApp.objects.count()) == (1, 1)
    assert CallbackEndpoint.objects.count() == 1
    app.refresh_from_db()
    assert bytes(app.secret_enc) == sealed
    assert b"app-secret" not in sealed


def test_a_row_that_kills_workers_is_given_up_alone(keep):
    """A batch of ten, one of them deadly: nine are handled, nothing of theirs is lost."""
    for number in range(10):
        keep(f"wm{number}")
    poison = RawCallback.objects.order_by("pk")[3].pk
    now, deaths = clock.now(), 0
    while RawCallback.objects.filter(status__in=["received", "processing"]).exists():
        batch = services.claim_callbacks(now=now)
        for row in batch.rows:
            if row.pk == poison:
                deaths += 1
                break  # the worker is gone, and with it what it held
            services.finish(row, batch.token)
        now += timedelta(seconds=services.LEASE_SECONDS + 1)

    assert deaths == services.MAX_ATTEMPTS
    assert RawCallback.objects.get(status=Status.DEAD).pk == poison
    assert RawCallback.objects.filter(status=Status.DONE).count() == 9
    assert RawCallback.objects.filter(status=Status.DONE, attempts__gt=2).count() == 0
