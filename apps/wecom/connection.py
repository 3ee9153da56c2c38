"""Connecting a corp from head office: app and callback address in one go, keys made here."""

import secrets
import string
from dataclasses import dataclass

from django.conf import settings
from django.db import transaction
from django.urls import reverse

from apps.accounts.actor import Actor
from apps.accounts.services import audit
from apps.core import clock
from apps.core.pii import encrypt
from apps.wecom.errors import AppKnown
from apps.wecom.models import CallbackEndpoint, CorpApp
from apps.wecom.services import connect_corp

TOKEN_CHARACTERS, AES_KEY_CHARACTERS, SLUG_CHARACTERS = 32, 43, 16
_LETTERS = string.ascii_letters + string.digits


@dataclass(frozen=True, slots=True)
class CallbackKeys:
    """Shown once, at the moment they were made: they are entered in WeCom's admin."""

    endpoint: CallbackEndpoint
    token: str
    aes_key: str


def callback_url(endpoint: CallbackEndpoint) -> str:
    """What WeCom's admin asks for."""
    base = settings.PUBLIC_BASE_URL.rstrip("/")
    return f"{base}{reverse('wecom:callback', args=[endpoint.slug])}"


def _random(length: int) -> str:
    return "".join(secrets.choice(_LETTERS) for _ in range(length))


@transaction.atomic
def connect_app(
    *, corp_id: str, corp_name: str, agent_id: int, secret: str, actor: Actor
) -> CallbackKeys:
    """Corp, app and callback address with fresh keys. Raises AppKnown."""
    if CorpApp.objects.filter(corp__corp_id=corp_id, agent_id=agent_id).exists():
        raise AppKnown()
    token, aes_key = _random(TOKEN_CHARACTERS), _random(AES_KEY_CHARACTERS)
    endpoint = connect_corp(
        corp_id=corp_id,
        corp_name=corp_name,
        agent_id=agent_id,
        secret=secret,
        token=token,
        aes_key=aes_key,
        slug=_random(SLUG_CHARACTERS).lower(),
    )
    audit(
        actor=actor,
        action="wecom.connected",
        object_type="wecom.corpapp",
        object_id=endpoint.app_id or "",
    )
    return CallbackKeys(endpoint=endpoint, token=token, aes_key=aes_key)


@transaction.atomic
def renew_keys(*, endpoint: CallbackEndpoint, actor: Actor) -> CallbackKeys:
    """New token and AES key. WeCom's events are refused until its admin has them too."""
    token, aes_key = _random(TOKEN_CHARACTERS), _random(AES_KEY_CHARACTERS)
    endpoint.token_enc, endpoint.aes_key_enc = encrypt(token), encrypt(aes_key)
    endpoint.keys_set_at, endpoint.verified_at = clock.now(), None
    endpoint.refused_for = ""
    endpoint.save(
        update_fields=["token_enc", "aes_key_enc", "keys_set_at", "verified_at", "refused_for"]
    )
    audit(
        actor=actor,
        action="wecom.keys_renewed",
        object_type="wecom.callbackendpoint",
        object_id=endpoint.pk,
    )
    return CallbackKeys(endpoint=endpoint, token=token, aes_key=aes_key)
