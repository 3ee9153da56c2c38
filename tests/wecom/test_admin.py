import pytest
from django.urls import reverse

from apps.accounts.capabilities import Role
from apps.accounts.models import AuditEntry, User
from apps.core.pii import decrypt
from apps.wecom import services
from apps.wecom.models import CallbackEndpoint, CorpApp, RawCallback

from .conftest import AES_KEY, SECRET, TOKEN, added


@pytest.fixture
def as_role(client, db):
    def sign_in(role):
        user = User.objects.create_user(username=f"{role}-person", role=role, is_staff=True)
        client.force_login(user)
        return client

    return sign_in


@pytest.fixture
def kept(endpoint, seal):
    sealed = seal(added())
    services.receive_callback(endpoint=endpoint, seal=sealed.seal, body=sealed.body.encode())
    return RawCallback.objects.get()


PAGES = ["corp", "corpapp", "callbackendpoint", "rawcallback"]


@pytest.mark.parametrize("listing", PAGES)
def test_lists_open_for_who_manages_wecom(as_role, kept, listing):
    answer = as_role(Role.HQ_ADMIN).get(reverse(f"admin:wecom_{listing}_changelist"))

    assert answer.status_code == 200


@pytest.mark.parametrize("role", [Role.HQ_OPERATOR, Role.REGION_MANAGER, Role.AUDITOR])
@pytest.mark.parametrize("listing", PAGES[:3])
def test_the_connection_stays_closed_for_others(as_role, kept, listing, role):
    answer = as_role(role).get(reverse(f"admin:wecom_{listing}_changelist"))

    assert answer.status_code == 403


@pytest.mark.parametrize(
    ("role", "status"),
    [(Role.HQ_OPERATOR, 200), (Role.AUDITOR, 200), (Role.REGION_MANAGER, 403)],
)
def test_the_inbox_is_shown_to_who_watches_health_and_replayed_by_none_of_them(
    as_role, kept, role, status
):
    client, url = as_role(role), reverse("admin:wecom_rawcallback_changelist")
    RawCallback.objects.update(status=RawCallback.Status.DEAD)

    assert client.get(url).status_code == status
    client.post(url, {"action": "replay_selected", "_selected_action": [kept.pk]})

    assert RawCallback.objects.get().status == RawCallback.Status.DEAD


def test_secrets_are_never_shown_and_kept_when_left_empty(as_role, corp):
    client, app = as_role(Role.HQ_ADMIN), CorpApp.objects.get()
    url = reverse("admin:wecom_corpapp_change", args=[app.pk])
    page = client.get(url).content.decode()
    values = {"corp": corp.pk, "agent_id": app.agent_id, "name": "New name", "kind": app.kind}

    answer = client.post(url, {**values, "secret": ""})

    assert answer.status_code == 302
    assert SECRET not in page
    app.refresh_from_db()
    assert app.name == "New name"
    assert decrypt(app.secret_enc) == SECRET


def test_a_new_secret_is_stored_encrypted(as_role, corp):
    client, app = as_role(Role.HQ_ADMIN), CorpApp.objects.get()
    values = {"corp": corp.pk, "agent_id": app.agent_id, "name": app.name, "kind": app.kind}

    client.post(
        reverse("admin:wecom_corpapp_change", args=[app.pk]), {**values, "secret": "brand-new"}
    )

    app.refresh_from_db()
    assert b"brand-new" not in bytes(app.secret_enc)
    assert decrypt(app.secret_enc) == "brand-new"


def test_an_address_needs_its_token_and_a_real_key(as_role, corp):
    client, url = as_role(Role.HQ_ADMIN), reverse("admin:wecom_callbackendpoint_add")
    values = {"slug": "second", "corp": corp.pk, "receive_id": corp.corp_id}

    for secrets in ({}, {"token": TOKEN, "aes_key": "short"}, {"token": "", "aes_key": AES_KEY}):
        assert client.post(url, {**values, **secrets}).status_code == 200
    assert not CallbackEndpoint.objects.filter(slug="second").exists()

    assert client.post(url, {**values, "token": TOKEN, "aes_key": AES_KEY}).status_code == 302
    assert decrypt(CallbackEndpoint.objects.get(slug="second").token_enc) == TOKEN


def test_replaying_is_a_post_and_leaves_a_trace(as_role, kept):
    client, url = as_role(Role.HQ_ADMIN), reverse("admin:wecom_rawcallback_changelist")
    RawCallback.objects.update(status=RawCallback.Status.DEAD, attempts=8)
    choice = {"action": "replay_selected", "_selected_action": [kept.pk]}

    client.get(url, choice)
    assert RawCallback.objects.get().status == RawCallback.Status.DEAD

    client.post(url, choice)
    kept.refresh_from_db()
    assert (kept.status, kept.attempts) == (RawCallback.Status.RECEIVED, 0)
    assert AuditEntry.objects.get().action == "wecom.replay_callbacks"


def test_the_inbox_is_read_only(as_role, kept):
    client = as_role(Role.HQ_ADMIN)
    url = reverse("admin:wecom_rawcallback_change", args=[kept.pk])

    assert client.get(url).status_code == 200
    client.post(url, {"status": "done", "event": "other"})

    kept.refresh_from_db()
    assert (kept.status, kept.event) == (RawCallback.Status.RECEIVED, "change_external_contact")
    assert client.get(reverse("admin:wecom_rawcallback_add")).status_code == 403
