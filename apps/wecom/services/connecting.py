"""Connecting a corp."""

import os
from collections.abc import Mapping

from django.db import transaction

from apps.core.pii import encrypt
from apps.wecom.models import CallbackEndpoint, Corp, CorpApp


@transaction.atomic
def connect_corp(
    *,
    corp_id: str,
    corp_name: str,
    agent_id: int,
    secret: str,
    token: str,
    aes_key: str,
    slug: str,
    contact_secret: str = "",
) -> CallbackEndpoint:
    """Corp, customer-contact app and callback address, each made only if it is missing."""
    corp, _ = Corp.objects.get_or_create(
        corp_id=corp_id,
        defaults={
            "name": corp_name,
            "contact_secret_enc": encrypt(contact_secret) if contact_secret else None,
        },
    )
    app, _ = CorpApp.objects.get_or_create(
        corp=corp, agent_id=agent_id, defaults={"name": corp_name, "secret_enc": encrypt(secret)}
    )
    endpoint, _ = CallbackEndpoint.objects.get_or_create(
        slug=slug,
        defaults={
            "corp": corp,
            "app": app,
            "token_enc": encrypt(token),
            "aes_key_enc": encrypt(aes_key),
            "receive_id": corp_id,
        },
    )
    return endpoint


def ensure_demo_corp(
    *, corp_name: str = "示范连锁", environment: Mapping[str, str] = os.environ
) -> CallbackEndpoint:
    """The corp that the simulator plays, with its callback address `contacts`.

    Its values are made for each demo and handed over in the environment (WECOM_*); a real corp is
    entered in the admin.
    """
    return connect_corp(
        corp_id=environment["WECOM_CORP_ID"],
        corp_name=corp_name,
        agent_id=int(environment["WECOM_AGENT_ID"]),
        secret=environment["WECOM_SECRET"],
        token=environment["WECOM_TOKEN"],
        aes_key=environment["WECOM_AES_KEY"],
        slug="contacts",
        contact_secret=environment.get("WECOM_CONTACT_SECRET", ""),
    )
