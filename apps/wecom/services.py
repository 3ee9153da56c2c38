"""Writes: keep a callback, hand it to a job, note how it ended; connect a corp."""

import contextlib
import os
import random
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Q
from psycopg.types.json import Jsonb
from redis.exceptions import RedisError

from apps.accounts.actor import Actor
from apps.accounts.services import audit
from apps.core import clock, lease
from apps.core.errors import DomainError
from apps.core.pii import encrypt
from apps.core.wake import wake
from apps.wecom.client import shared_cache
from apps.wecom.crypto import Seal, callback_key, open_sealed, read_envelope, read_xml
from apps.wecom.errors import CallbackLeaseLost, WeComError
from apps.wecom.models import CallbackEndpoint, Corp, CorpApp, RawCallback
from apps.wecom.selectors import EndpointConfig

HANDLER_JOB = "wecom_sync.handle_callbacks"
BELL_KEY = "wecom:callbacks:rung"
# a welcome code lives for seconds: it has a job and a bell of its own, past everything that waits
WELCOME_JOB = "wecom_sync.take_welcome_codes"
WELCOME_BELL_KEY = "wecom:welcomes:rung"
BELL_MS = 2_000

LEASE_SECONDS = 60
MAX_ATTEMPTS = 8
BACK_OFF_SECONDS = 5
BACK_OFF_MAX_SECONDS = 3_600
KEEP_DAYS = 30

# What describes a person is re-read from WeCom by id when it is needed, and not kept here.
PERSONAL_FIELDS = frozenset(
    [
        "Name",
        "Mobile",
        "Telephone",
        "Email",
        "BizMail",
        "Address",
        "Avatar",
        "Alias",
        "Gender",
        "ExtAttr",
        "Content",
        "PicUrl",
        "Latitude",
        "Longitude",
        "Precision",
        "Location_X",
        "Location_Y",
        "Label",
        "SendLocationInfo",
        "Title",
        "Description",
        "ScanCodeInfo",
        "Url",
        "ThumbMediaId",
        "MediaId",
    ]
)


@dataclass(frozen=True, slots=True)
class CallbackBatch:
    """Rows this worker holds until the lease runs out, oldest first."""

    token: UUID
    rows: tuple[RawCallback, ...]


# -- what WeCom tells us ------------------------------------------------------------------------


def receive_callback(*, endpoint: EndpointConfig, seal: Seal, body: bytes) -> bool:
    """Verify, decrypt, keep one posted callback; false when it was known already.

    Committed when this returns, unless the caller has a transaction open. Raises CallbackRejected.
    """
    text = open_sealed(keys=endpoint.keys, seal=seal, encrypted=read_envelope(body))
    fields = read_xml(text)
    key = callback_key(corp_id=endpoint.corp_id, agent_id=endpoint.agent_id, fields=fields)
    new = _keep(endpoint_id=endpoint.pk, key=key, fields=fields)
    if new and _greets(fields):
        transaction.on_commit(_ring_for_welcome)
    transaction.on_commit(_ring)
    return new


# one statement: of two identical callbacks at once exactly one inserts, the other sees it
KEEP_SQL = """
    INSERT INTO wecom_rawcallback
        (key, endpoint_id, event, change_type, fields, created_by_wecom_at, greets)
    VALUES (%s, %s, %s, %s, %s, %s, %s)
    ON CONFLICT (key) DO NOTHING
"""


def _keep(*, endpoint_id: int, key: bytes, fields: dict[str, Any]) -> bool:
    event = fields.get("Event") or fields.get("InfoType") or fields.get("MsgType")
    impersonal = {name: value for name, value in fields.items() if name not in PERSONAL_FIELDS}
    row: list[Any] = [
        key,
        endpoint_id,
        _word(event),
        _word(fields.get("ChangeType")),
        Jsonb(impersonal),
        _happened_at(fields),
        _greets(fields),
    ]
    with connection.cursor() as cursor:
        cursor.execute(KEEP_SQL, row)
        return cursor.rowcount == 1


def _greets(fields: Mapping[str, Any]) -> bool:
    return bool(fields.get("WelcomeCode"))


def _word(value: Any) -> str:
    return value[:64] if isinstance(value, str) else ""


def _happened_at(fields: dict[str, Any]) -> datetime | None:
    seconds = fields.get("CreateTime") or fields.get("TimeStamp") or ""
    with contextlib.suppress(TypeError, ValueError, OverflowError, OSError):
        return datetime.fromtimestamp(int(seconds), tz=UTC)
    return None


def _ring() -> None:
    _ring_once(BELL_KEY, HANDLER_JOB)


def _ring_for_welcome() -> None:
    _ring_once(WELCOME_BELL_KEY, WELCOME_JOB)


def _ring_once(bell: str, job_name: str) -> None:
    """One doorbell for many callbacks: whoever claims takes the note down before looking."""
    with contextlib.suppress(RedisError):
        if not shared_cache().set(bell, b"1", nx=True, px=BELL_MS):
            return
    wake(job_name)


# -- the inbox, for the job that interprets it -----------------------------------------------------


def claim_callbacks(*, now: datetime, limit: int = 200) -> CallbackBatch:
    """Lease up to `limit` waiting callbacks. A row claimed too often without an end is given up."""
    with contextlib.suppress(RedisError):
        shared_cache().delete(BELL_KEY)
    with transaction.atomic():
        _give_up_the_hopeless(now=now)
        due = RawCallback.objects.due(now=now).order_by("pk")
        token, ids = lease.claim(due, now=now, seconds=LEASE_SECONDS, limit=limit)
        if ids:
            RawCallback.objects.filter(pk__in=ids).mark_processing()
    rows = RawCallback.objects.filter(pk__in=ids).select_related("endpoint__corp").order_by("pk")
    return CallbackBatch(token=token, rows=tuple(rows))


def hold_greeting(*, limit: int = 100) -> tuple[RawCallback, ...]:
    """Callbacks whose welcome code nobody has taken yet, locked; call inside a transaction, and
    `greeted` at its end. Whatever else waits in the inbox does not stand before them."""
    with contextlib.suppress(RedisError):
        shared_cache().delete(WELCOME_BELL_KEY)
    rows = RawCallback.objects.filter(greets=True).order_by("pk")
    locked = rows.select_for_update(of=("self",), skip_locked=True)
    return tuple(locked.select_related("endpoint__corp")[:limit])


def greeted(rows: Collection[RawCallback]) -> None:
    """Their welcome codes are taken; what the events mean is read by the usual job."""
    RawCallback.objects.filter(pk__in=[row.pk for row in rows]).update(greets=False)


def _give_up_the_hopeless(*, now: datetime) -> None:
    """Rows whose handling killed the worker each time: no `fail` was ever heard."""
    RawCallback.objects.filter(
        Q(lease_until__lt=now), status=RawCallback.Status.PROCESSING, attempts__gte=MAX_ATTEMPTS
    ).update(
        status=RawCallback.Status.DEAD,
        last_error="worker lost",
        lease_token=None,
        lease_until=None,
    )


def finish(row: RawCallback, token: UUID, *, ignored: bool = False, note: str = "") -> None:
    """Close the row. Call it in the transaction of the effect, so that both commit or neither.

    `note` says why a row was ignored.

    Raises CallbackLeaseLost when another worker holds the row now.
    """
    status = RawCallback.Status.IGNORED if ignored else RawCallback.Status.DONE
    closed = (
        RawCallback.objects.filter(pk=row.pk)
        .held_by(token=token)
        .update(
            status=status,
            handled_at=clock.now(),
            last_error=note[:200],
            lease_token=None,
            lease_until=None,
        )
    )
    if not closed:
        raise CallbackLeaseLost("Another worker took this callback over.")


@transaction.atomic
def fail(row: RawCallback, token: UUID, error: BaseException | str) -> None:
    """Put the row back with a growing pause, or give it up after the last attempt.

    Nothing happens when the lease is lost: the row is somebody else's now.
    """
    held = RawCallback.objects.select_for_update().filter(pk=row.pk).held_by(token=token).first()
    if held is None:
        return
    dead = held.attempts >= MAX_ATTEMPTS
    held.status = RawCallback.Status.DEAD if dead else RawCallback.Status.RECEIVED
    held.last_error = _describe(error)
    held.not_before = clock.now() + _pause(held.attempts)
    held.lease_token = held.lease_until = None
    held.save(update_fields=["status", "last_error", "not_before", "lease_token", "lease_until"])


def _pause(attempts: int) -> timedelta:
    longest = min(BACK_OFF_SECONDS * 2 ** max(attempts - 1, 0), BACK_OFF_MAX_SECONDS)
    return timedelta(seconds=longest * random.uniform(0.5, 1))  # noqa: S311


def _describe(error: BaseException | str) -> str:
    """Kind and code only: the text of a foreign exception may quote a person's data."""
    if isinstance(error, str):
        return error[:200]
    name = type(error).__name__
    if isinstance(error, WeComError) and error.errcode is not None:
        return f"{name} {error.errcode}"
    return f"{name} {error.code}" if isinstance(error, DomainError) else name


@transaction.atomic
def replay(*, ids: Collection[int], actor: Actor) -> int:
    """Let the job read these callbacks again; rows in work stay as they are."""
    rows = RawCallback.objects.filter(pk__in=ids).exclude(status=RawCallback.Status.PROCESSING)
    replayed = rows.update(
        status=RawCallback.Status.RECEIVED,
        attempts=0,
        not_before=clock.now(),
        handled_at=None,
        last_error="",
    )
    audit(
        actor=actor,
        action="wecom.replay_callbacks",
        object_type="wecom.rawcallback",
        detail={"ids": sorted(ids), "replayed": replayed},
    )
    wake(HANDLER_JOB)
    return replayed


def forget_old_callbacks(*, now: datetime) -> int:
    """Delete finished callbacks after KEEP_DAYS, one bite at a time; returns how many went."""
    over = RawCallback.objects.exclude(status__in=["received", "processing"])
    bite = over.filter(received_at__lt=now - timedelta(days=KEEP_DAYS)).values("pk")[:10_000]
    deleted, _ = RawCallback.objects.filter(pk__in=bite).delete()
    return deleted


# -- connecting a corp --------------------------------------------------------------------------


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
