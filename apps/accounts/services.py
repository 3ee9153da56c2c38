"""Writes of the access room: API keys and the audit record."""

import hashlib
import hmac
import secrets
from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from apps.accounts.actor import SYSTEM, Actor
from apps.accounts.capabilities import API_CAPABILITIES
from apps.accounts.models import ApiKey, AuditEntry, User
from apps.core.errors import DomainError
from apps.core.logs import scrub_text

# "last used" needs no second of precision; one write a minute keeps a busy till off the row
LAST_USED_STEP = timedelta(minutes=1)
SCAN_ENDED, SCAN_MOVED = "account.wecom_ended", "account.wecom_moved"


class InvalidApiKey(DomainError):
    code = "invalid_api_key"


class ExpiredApiKey(DomainError):
    code = "expired_api_key"


class UnknownScope(DomainError):
    code = "unknown_scope"


def _hash(secret: str) -> bytes:
    # the secret has 256 random bits: a plain hash cannot be enumerated, a slow one would cost each
    # call
    return hashlib.sha256(secret.encode()).digest()


def audit(
    *,
    actor: Actor,
    action: str,
    object_type: str = "",
    object_id: str | int = "",
    detail: dict[str, Any] | None = None,
) -> None:
    """Record who did what. `detail` holds ids, counts and reasons from lists; never personal
    data."""
    audit_each(
        actor=actor, action=action, object_type=object_type, objects=[(object_id, detail or {})]
    )


def audit_each(
    *,
    actor: Actor,
    action: str,
    object_type: str,
    objects: Iterable[tuple[str | int, dict[str, Any]]],
) -> None:
    """The same done to many: an entry for each (object id, detail), in one statement."""
    AuditEntry.objects.bulk_create(
        AuditEntry(
            actor=actor.label,
            user_id=actor.user_id,
            action=action,
            object_type=object_type,
            object_id=str(object_id),
            # a reason typed by a person may quote a number
            detail={
                name: scrub_text(value) if isinstance(value, str) else value
                for name, value in detail.items()
            },
        )
        for object_id, detail in objects
    )


@transaction.atomic
def create_api_key(
    *,
    name: str,
    scopes: list[str],
    created_by: User | None,
    expires_at: datetime | None = None,
    secret: str | None = None,
    chain_wide: bool = False,
) -> tuple[ApiKey, str]:
    """Make a key and return it with the only copy of its text, `<prefix>.<secret>`.

    It sees the whole chain when `chain_wide` says so, else what is granted to it.

    Raises UnknownScope for a capability that a machine may not hold.
    """
    unknown = set(scopes) - {str(capability) for capability in API_CAPABILITIES}
    if unknown:
        raise UnknownScope(_("A key cannot hold these rights: %(names)s."), names=sorted(unknown))
    prefix, secret = secrets.token_hex(5), secret or secrets.token_urlsafe(32)
    key = ApiKey.objects.create(
        name=name,
        prefix=prefix,
        secret_hash=_hash(secret),
        scopes=sorted(scopes),
        created_by=created_by,
        expires_at=expires_at,
        chain_wide=chain_wide,
    )
    return key, f"{prefix}.{secret}"


def authenticate_api_key(*, raw: str, now: datetime) -> ApiKey:
    """The living key behind the text. Raises InvalidApiKey, or ExpiredApiKey when its time is
    over."""
    prefix, _dot, secret = raw.partition(".")
    key = ApiKey.objects.filter(prefix=prefix).first()
    if key is None or not hmac.compare_digest(bytes(key.secret_hash), _hash(secret)):
        raise InvalidApiKey(_("This API key is not known. Check that it was copied whole."))
    if key.revoked_at is not None:
        raise InvalidApiKey(_("This API key was revoked. Ask head office for a new one."))
    if key.expires_at is not None and key.expires_at <= now:
        raise ExpiredApiKey(_("This API key has expired. Ask head office for a new one."))
    if key.last_used_at is None or now - key.last_used_at > LAST_USED_STEP:
        ApiKey.objects.filter(pk=key.pk).update(last_used_at=now)
    return key


@transaction.atomic
def revoke_api_key(*, api_key: ApiKey, actor: Actor, now: datetime) -> None:
    """End a key at once. Safe to repeat."""
    if ApiKey.objects.filter(pk=api_key.pk, revoked_at=None).update(revoked_at=now):
        audit(actor=actor, action="api_key.revoked", object_type="api_key", object_id=api_key.pk)


# --- WeCom accounts that open head office --------------------------------------------------------


@transaction.atomic
def end_scans(*, corp_ids: Collection[str], wecom_userid: str, at: datetime) -> int:
    """This WeCom account was deleted then: whoever is given its name is not let into head office by
    it. Whose user was made later has it by right. Returns whose scan ended. Safe to repeat."""
    users = User.objects.select_for_update().filter(
        wecom_userid=wecom_userid, wecom_corp_id__in=corp_ids, date_joined__lte=at
    )
    ended = 0
    for user in users.exclude(wecom_userid="").order_by("pk"):
        ours = AuditEntry.objects.filter(object_type="user", object_id=str(user.pk))
        if ours.filter(action=SCAN_ENDED, at__gte=at).exists():
            continue  # told twice: it was entered again since
        _scan_changed(user, "", SCAN_ENDED)
        ended += 1
    return ended


@transaction.atomic
def move_scans(*, corp_ids: Collection[str], old: str, new: str) -> int:
    """WeCom calls the same person otherwise: the scan goes on by the new name, and the old one lets
    nobody in. Returns whose scan it was. Safe to repeat."""
    users = User.objects.select_for_update().filter(wecom_corp_id__in=corp_ids)
    taken = users.filter(wecom_userid=new).exists()
    found = list(users.filter(wecom_userid=old).exclude(wecom_userid="").order_by("pk"))
    for user in found:
        _scan_changed(user, "" if taken else new, SCAN_ENDED if taken else SCAN_MOVED)
        taken = True
    return len(found)


def _scan_changed(user: User, wecom_userid: str, action: str) -> None:
    user.wecom_userid = wecom_userid
    user.save(update_fields=["wecom_userid"])
    audit(actor=SYSTEM, action=action, object_type="user", object_id=user.pk)
