from datetime import timedelta

import pytest
from django.core.management import call_command

from apps.accounts import services
from apps.accounts.actor import SYSTEM
from apps.accounts.capabilities import API_CAPABILITIES, ROLE_CAPABILITIES, Capability, Role
from apps.accounts.models import ApiKey, AuditEntry, User
from apps.core import clock

pytestmark = pytest.mark.django_db


def test_the_first_person_is_made_an_administrator_of_head_office():
    call_command("createsuperuser", "--noinput", "--username=first", "--email=a@b.example")

    first = User.objects.get(username="first")

    assert first.role == Role.HQ_ADMIN
    assert first.capabilities == ROLE_CAPABILITIES[Role.HQ_ADMIN]


def test_a_key_is_shown_once_and_only_its_hash_is_kept():
    key, raw = services.create_api_key(name="Till", scopes=["api_write_orders"], created_by=None)

    stored = ApiKey.objects.values_list("prefix", "secret_hash").get(pk=key.pk)

    assert raw.split(".", 1)[1].encode() not in bytes(stored[1])
    assert services.authenticate_api_key(raw=raw, now=clock.now()) == key


@pytest.mark.parametrize("spoil", [lambda raw: raw[:-1], lambda raw: "x" + raw, lambda raw: ""])
def test_a_damaged_key_is_refused(spoil):
    _key, raw = services.create_api_key(name="Till", scopes=[], created_by=None)

    with pytest.raises(services.InvalidApiKey):
        services.authenticate_api_key(raw=spoil(raw), now=clock.now())


def test_an_expired_and_a_revoked_key_are_refused():
    now = clock.now()
    _old, expired = services.create_api_key(
        name="Old", scopes=[], created_by=None, expires_at=now - timedelta(seconds=1)
    )
    key, revoked = services.create_api_key(name="Gone", scopes=[], created_by=None)
    services.revoke_api_key(api_key=key, actor=SYSTEM, now=now)
    services.revoke_api_key(api_key=key, actor=SYSTEM, now=now)

    with pytest.raises(services.ExpiredApiKey):
        services.authenticate_api_key(raw=expired, now=now)
    with pytest.raises(services.InvalidApiKey):
        services.authenticate_api_key(raw=revoked, now=now)
    assert AuditEntry.objects.filter(action="api_key.revoked").count() == 1


def test_a_machine_cannot_be_given_a_persons_rights():
    with pytest.raises(services.UnknownScope):
        services.create_api_key(name="Till", scopes=["unmask_members"], created_by=None)


def test_no_person_holds_a_machines_rights_and_every_role_is_defined():
    assert set(ROLE_CAPABILITIES) == set(Role)
    assert not any(API_CAPABILITIES & rights for rights in ROLE_CAPABILITIES.values())
    assert Capability.UNMASK_MEMBERS not in ROLE_CAPABILITIES[Role.GUIDE]


def test_a_dismissed_person_can_do_nothing():
    user = User(username="x", role=Role.HQ_ADMIN, is_active=False)

    assert user.capabilities == frozenset()
