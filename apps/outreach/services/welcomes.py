"""The first words to a new friend: WeCom takes them for 20 seconds, once for each code.

A row under the code first, then one call under a lease. What comes too late is not sent, and a call
whose answer was lost is not repeated: the guide's greeting task says so instead.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

import structlog
from django.db import transaction
from django.db.models import F, Q
from django.utils.translation import gettext

from apps.core import clock, faults, lease
from apps.core.bites import delete_in_bites
from apps.core.wake import wake
from apps.outreach import scripts
from apps.outreach.attachments import Piece, files_of, for_wecom
from apps.outreach.models import Attachment, MessageTemplate, ScriptVariant, Welcome
from apps.outreach.services import media
from apps.outreach.services.links import guide_pieces
from apps.stores.models import Posting
from apps.wecom.client import WeComClient, client_for
from apps.wecom.errors import MEDIA_UNKNOWN, CorpNotConfigured, Refused, WeComError, plain_reason
from apps.wecom.models import Corp
from apps.wecom.services.rounds import Round

log = structlog.get_logger(__name__)

JOB = "outreach.send_welcomes"
SOURCE = "welcome"  # of the links beside it
LINKED = ("link", "miniprogram")
LIFE = timedelta(seconds=20)
ROOM = timedelta(seconds=1)  # less than this left: the call would come too late
PAUSE = timedelta(seconds=1)
LEASE_SECONDS = 30  # longer than any call can take
SIDE_BY_SIDE = 8
KEEP_DAYS = 90

ALREADY_WELCOMED, CODE_OVER = 41051, frozenset({41049, 41050})
REFUSED = "refused"  # marks a piece that WeCom did not take: the words go without it
_Pictures = dict[tuple[str, str], str]  # corp and file → the id there

State = Welcome.State


class NewFriend(NamedTuple):
    """What WeCom told with a welcome code. `text` may name the guide and the store; None = the
    wording of the store or of the chain, with what goes beside it; own `attachments` go instead."""

    corp_id: str
    userid: str
    external_userid: str
    code: str
    state: str
    told_at: datetime
    text: str | None = None
    attachments: Sequence[Piece] = ()


# --- asked for ------------------------------------------------------------------------------------


@transaction.atomic
def queue_welcomes(*, friends: Sequence[NewFriend], now: datetime) -> int:
    """Leave a welcome for each; one for each code, whoever asks again. Returns how many are new.

    Nobody is welcomed for who is no guide of ours or works in a store that is not live yet.
    """
    posts = _posts_of(friends, now)
    wording = _Wording.of({post.store_id for post in posts.values()})
    rows = [
        _row(friend, posts[friend.corp_id, friend.userid], wording, now)
        for friend in friends
        if (friend.corp_id, friend.userid) in posts
    ]
    _track(rows)
    known = Welcome.objects.filter(  # the corps too: the index begins with them
        corp_id__in={row.corp_id for row in rows}, code__in=[row.code for row in rows]
    )
    before = known.count()
    Welcome.objects.bulk_create(rows, ignore_conflicts=True)
    made = known.count() - before
    if made:
        wake(JOB)
    return made


def _track(rows: Sequence[Welcome]) -> None:
    """What stands beside a welcome leads through the guide's own link for welcomes: who taps it is
    named by WeCom, and an order knows by whom it came."""
    alike: dict[str, list[Welcome]] = {}
    for row in rows:
        if any(piece["kind"] in LINKED for piece in row.attachments):
            alike.setdefault(json.dumps(row.attachments, sort_keys=True), []).append(row)
    for same in alike.values():
        coded = guide_pieces(
            pieces=same[0].attachments,
            guide_ids=[row.guide_id for row in same],
            source=SOURCE,
        )
        for row in same:
            row.attachments = coded[row.guide_id]


def _posts_of(friends: Iterable[NewFriend], now: datetime) -> dict[tuple[str, str], Posting]:
    """Where each of these guides works today, of those in live stores."""
    wanted = {(friend.corp_id, friend.userid) for friend in friends}
    posts = (
        Posting.objects.on(clock.business_day(now))
        .live()
        .filter(guide__wecom_userid__in={userid for _corp, userid in wanted})
        .select_related("guide", "store")
    )
    by_guide = {(post.guide.corp_id, post.guide.wecom_userid): post for post in posts}
    return {key: post for key, post in by_guide.items() if key in wanted}


@dataclass(frozen=True, slots=True)
class _Wording:
    """The welcome by store, and what goes beside it; None holds the chain's."""

    texts: Mapping[int | None, str]
    pieces: Mapping[int | None, list[Piece]]

    @classmethod
    def of(cls, store_ids: Iterable[int]) -> "_Wording":
        found = MessageTemplate.objects.filter(
            Q(store=None) | Q(store_id__in=store_ids), is_welcome=True, is_active=True
        )
        scripts_by_store = {script.store_id: script for script in found}
        texts: dict[int | None, str] = {}
        if (chain := scripts_by_store.get(None)) is not None:
            own = ScriptVariant.objects.up_to_date().filter(script=chain, store_id__in=store_ids)
            texts.update(own.values_list("store_id", "generic_body"))
        texts.update({store: script.generic_body for store, script in scripts_by_store.items()})
        return cls(texts, _pieces_of(scripts_by_store))

    def at(self, store_id: int) -> str:
        return self.texts.get(store_id) or self.texts.get(None, "")

    def beside(self, store_id: int) -> list[Piece]:
        return self.pieces.get(store_id, self.pieces.get(None, []))


def _pieces_of(by_store: Mapping[int | None, MessageTemplate]) -> dict[int | None, list[Piece]]:
    found: dict[int, list[Piece]] = {script.pk: [] for script in by_store.values()}
    for row in Attachment.objects.filter(script_id__in=found) if found else ():
        found[row.script_id].append(row.piece)
    return {store: found[script.pk] for store, script in by_store.items()}


def _row(friend: NewFriend, post: Posting, wording: _Wording, now: datetime) -> Welcome:
    body = wording.at(post.store_id) if friend.text is None else friend.text
    pieces = list(friend.attachments)
    if friend.text is None and not pieces:
        pieces = wording.beside(post.store_id)
    words = {"导购": post.guide.name, "门店": post.store.name}
    told_at = min(friend.told_at, now)  # WeCom's clock may be ahead of ours
    welcome = Welcome(
        corp_id=friend.corp_id,
        code=friend.code,
        guide=post.guide,
        external_userid=friend.external_userid,
        source=friend.state[:64],
        attachments=pieces,
        told_at=told_at,
        expires_at=told_at + LIFE,
        not_before=told_at,
    )
    try:
        welcome.text = scripts.render(body, words)
    except scripts.UnknownVariable as error:  # one bad wording must not keep the others waiting
        welcome.state, welcome.reason = State.FAILED, str(error)[:200]
        return welcome
    if not (welcome.text or welcome.attachments):
        welcome.state = State.NO_WORDS
    elif now + ROOM > welcome.expires_at:
        welcome.state, welcome.reason = State.MISSED, gettext("WeCom told us too late")
    return welcome


# --- sent -----------------------------------------------------------------------------------------


def send_welcomes(*, now: datetime, limit: int = 2_000) -> int:
    """Send what waits, the most urgent first, several at a time; return how many went out."""
    run, sent, seen = Round(now), 0, 0
    clients: dict[tuple[str, int], WeComClient] = {}
    _settle(run.moment())
    with ThreadPoolExecutor(max_workers=SIDE_BY_SIDE) as pool:
        while seen < limit:
            token, rows = _begin(run.moment())
            if not rows:
                break
            faults.point("welcomes.call_started")
            seen += len(rows)
            known = _pictures(rows, run.moment())
            calls = [pool.submit(_call, _client(clients, row, n), row, known) for n, row in
                     enumerate(rows)]  # fmt: skip
            for row, call in zip(rows, calls, strict=True):
                answer = call.result()
                faults.point("welcomes.called")
                sent += _record(row, token, answer, run.moment())
            if not _files(rows) <= known.keys():  # after the calls: a slow broker delays none
                media.ask_to_keep_all()
    return sent


def _settle(at: datetime) -> None:
    """What a dead worker left, and what nobody came to in time."""
    queued = Welcome.objects.filter(state=State.QUEUED)
    queued.filter(call_started_at__isnull=False, lease_until__lt=at).update(
        state=State.UNKNOWN,
        reason=gettext("the reply was lost"),
        lease_token=None,
        lease_until=None,
    )
    queued.filter(
        Q(lease_until=None) | Q(lease_until__lt=at),
        call_started_at=None,
        expires_at__lt=at + ROOM,
    ).update(
        state=State.MISSED,
        reason=gettext("not sent within 20 seconds"),
        lease_token=None,
        lease_until=None,
    )


@transaction.atomic
def _begin(at: datetime) -> tuple[UUID, list[Welcome]]:
    """Lease the most urgent ones and note that their calls begin."""
    due = Welcome.objects.filter(
        state=State.QUEUED, call_started_at=None, not_before__lte=at, expires_at__gte=at + ROOM
    ).order_by("expires_at", "pk")
    token, ids = lease.claim(due, now=at, seconds=LEASE_SECONDS, limit=SIDE_BY_SIDE)
    mine = Welcome.objects.filter(pk__in=ids)
    mine.update(call_started_at=at, attempts=F("attempts") + 1)
    return token, list(mine.select_related("guide").order_by("expires_at", "pk"))


def _client(
    clients: dict[tuple[str, int], WeComClient], row: Welcome, place: int
) -> WeComClient | WeComError:
    """A client for each call that runs at the same time: one holds one connection."""
    try:
        if (row.corp_id, place) not in clients:
            corp = Corp.objects.filter(corp_id=row.corp_id, is_active=True).first()
            if corp is None:
                return CorpNotConfigured()
            clients[row.corp_id, place] = client_for(corp)
        return clients[row.corp_id, place]
    except WeComError as error:
        return error


def _files(rows: Iterable[Welcome]) -> set[tuple[str, str]]:
    """Corp and file of every picture these are to have."""
    return {(row.corp_id, file) for row in rows for file in files_of(row.attachments)}


def _pictures(rows: Sequence[Welcome], at: datetime) -> _Pictures:
    """The ids under which WeCom has the pictures of these now. The job that keeps pictures has
    brought them before; an upload here would use up the 20 seconds of all of them, so what is not
    there is left out, and brought for the next."""
    wanted = _files(rows)
    return media.lying(wanted=wanted, at=at) if wanted else {}


class _Answer(NamedTuple):
    """`beside`: how many pieces went with the words."""

    error: WeComError | None
    beside: int = 0


def _call(client: WeComClient | WeComError, row: Welcome, known: _Pictures) -> _Answer:
    """No database in here: this runs beside others."""
    if isinstance(client, WeComError):
        return _Answer(client)
    ids = {file: known.get((row.corp_id, file), "") for file in files_of(row.attachments)}
    wanted = [piece for piece in row.attachments if REFUSED not in piece]
    pieces = [piece for piece in wanted if ids.get(piece.get("file", ""), "none needed")]
    if not (row.text or pieces):
        return _Answer(media.PictureNotThere("externalcontact/send_welcome_msg"))
    try:
        client.send_welcome(code=row.code, text=row.text, attachments=for_wecom(pieces, ids))
    except WeComError as error:
        return _Answer(error, len(pieces))
    return _Answer(None, len(pieces))


def _record(row: Welcome, token: UUID, answer: _Answer, at: datetime) -> bool:
    """How it ended, only while the lease is still ours; gives it back."""
    error = answer.error
    if error is not None and error.errcode == MEDIA_UNKNOWN:
        media.forget(files=files_of(row.attachments), corp_id=row.corp_id)
        media.ask_to_keep_all()
    if error is None:
        told = _sent(at, answer.beside == len(row.attachments))
    elif answer.beside and _may_be_the_attachments(row, error, at):
        told = _without_attachments(row, error, at)
    else:
        told = _not_sent(row, error, at)
    kept = row.settle(token, **told)
    if error is not None:
        log.warning("welcome_not_sent", welcome_id=row.pk, state=told["state"], error=error.code)
    return kept and error is None


def _sent(at: datetime, whole: bool) -> dict[str, Any]:
    reason = "" if whole else gettext("sent without all its attachments")
    return {"state": State.SENT, "sent_at": at, "reason": reason}


def _may_be_the_attachments(row: Welcome, error: WeComError, at: datetime) -> bool:
    """WeCom refuses the whole for one piece, and does not say that it was that: words that have
    the time are said alone."""
    final = isinstance(error, Refused) and not error.retryable and error.errcode != MEDIA_UNKNOWN
    of_the_code = error.errcode == ALREADY_WELCOMED or error.errcode in CODE_OVER
    return final and not of_the_code and bool(row.text) and at + ROOM <= row.expires_at


def _without_attachments(row: Welcome, error: WeComError, at: datetime) -> dict[str, Any]:
    marked = [{**piece, REFUSED: str(error.errcode)} for piece in row.attachments]
    return {"state": State.QUEUED, "call_started_at": None, "not_before": at,
            "attachments": marked, "reason": plain_reason(error)}  # fmt: skip


def _not_sent(row: Welcome, error: WeComError, at: datetime) -> dict[str, Any]:
    if error.outcome_unknown:
        return {"state": State.UNKNOWN, "reason": gettext("the reply was lost")}
    if error.errcode == ALREADY_WELCOMED:
        return {"state": State.TAKEN, "reason": gettext("WeCom has welcomed this customer already")}
    if error.errcode in CODE_OVER:
        return {"state": State.MISSED, "reason": gettext("WeCom says that the time is over")}
    if not error.retryable and error.errcode != MEDIA_UNKNOWN:
        return {"state": State.FAILED, "reason": plain_reason(error)}
    again = at + max(PAUSE, timedelta(seconds=getattr(error, "retry_after", 0)))
    if again + ROOM > row.expires_at:
        return {"state": State.MISSED, "reason": plain_reason(error)}
    return {"state": State.QUEUED, "call_started_at": None, "not_before": again,
            "reason": plain_reason(error)}  # fmt: skip


def forget_old_welcomes(*, now: datetime) -> int:
    """Delete what is older than KEEP_DAYS; returns how many went."""
    return delete_in_bites(Welcome.objects.filter(told_at__lt=now - timedelta(days=KEEP_DAYS)))
