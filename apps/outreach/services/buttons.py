"""Cards with a button: the guide says 知道了 in the chat, WeCom tells us, and the card says so.

Only an app that WeCom can tell may send one; where it cannot, the plain card goes out instead.
"""

from datetime import datetime, timedelta
from uuid import UUID, uuid4

from django.db import transaction
from django.utils.translation import gettext, pgettext

from apps.core import faults, lease, outbox
from apps.core.outbox import Patience, fate_of
from apps.core.wake import wake
from apps.outreach.models import ButtonAnswer, GuideNotice
from apps.wecom.client import CARD_REFUSED, CODE_USED_UP, WeComClient
from apps.wecom.errors import Refused, WeComError, plain_reason
from apps.wecom.models import CallbackEndpoint, CorpApp
from apps.wecom.services.rounds import Round
from apps.wecom.shapes import ButtonCard, NoticeResult, TextCard

ACK = "ack"
JOB = "outreach.answer_buttons"
CODE_LIFE = timedelta(hours=72)
LEASE_SECONDS = 120
BATCH = 100
PATIENCE = Patience(first=timedelta(seconds=10), most=timedelta(minutes=10), tries=6)

State = ButtonAnswer.State


# --- sent ----------------------------------------------------------------------------------------


def may_have_buttons(corp_id: str) -> bool:
    """Has the app an address where WeCom can tell of a press?"""
    ours = CallbackEndpoint.objects.filter(corp__corp_id=corp_id)
    return ours.filter(app__kind=CorpApp.Kind.CUSTOMER_CONTACT).exists()


def send(notices: list[GuideNotice], token: UUID, client: WeComClient, *, url: str) -> NoticeResult:
    """One call for equal cards. Their id is written first: a press may be told before the answer
    to the call is."""
    first = notices[0]
    task_id = first.task_id or f"notice-{uuid4().hex}"
    mine = lease.holds(GuideNotice.objects.filter(pk__in=[row.pk for row in notices]), token)
    mine.update(task_id=task_id)
    userids = [notice.guide.wecom_userid for notice in notices]
    card = ButtonCard(
        title=first.title,
        description=first.body,
        url=url,
        task_id=task_id,
        key=ACK,
        button=pgettext("button", "I know"),
    )
    try:
        return client.send_button_card(userids=userids, card=card)
    except Refused as error:
        if error.errcode not in CARD_REFUSED:
            raise
    mine.update(with_button=False, task_id="")
    return client.send_notice(userids=userids, card=TextCard(first.title, first.body, url))


# --- pressed -------------------------------------------------------------------------------------


@transaction.atomic
def acknowledge(
    *, corp_id: str, userid: str, task_id: str, response_code: str, at: datetime, now: datetime
) -> GuideNotice | None:
    """A button was pressed: kept once, with the card's answer to it. Safe to repeat.

    None when this guide never got such a card from us.
    """
    mine = GuideNotice.objects.select_for_update(of=("self",)).filter(
        guide__corp_id=corp_id, guide__wecom_userid=userid
    )
    notice = mine.filter(task_id=task_id).first() if task_id else None
    if notice is None:
        return None
    if notice.acknowledged_at is None:
        notice.acknowledged_at = min(at, now)
        notice.save(update_fields=["acknowledged_at"])
    if response_code:
        _queue_answer(notice, response_code, at, now)
    return notice


def _queue_answer(notice: GuideNotice, code: str, at: datetime, now: datetime) -> None:
    fresh = {
        "response_code": code[:200],
        "not_before": now,
        "expires_at": at + CODE_LIFE,
        "attempts": 0,
    }
    _row, made = ButtonAnswer.objects.get_or_create(notice=notice, defaults=fresh)
    if not made:  # pressed again, because the card did not change: that press has a code of its own
        again = ButtonAnswer.objects.filter(notice=notice, state=State.FAILED)
        made = bool(again.exclude(response_code=code).update(state=State.QUEUED, **fresh))
    if made:
        wake(JOB)


# --- answered ------------------------------------------------------------------------------------


def answer_buttons(*, now: datetime, limit: int = 1_000) -> int:
    """Let the pressed cards say so; return how many do now."""
    run, shown = Round(now), 0
    for token, ids in outbox.batches(
        ButtonAnswer.objects.filter(state=State.QUEUED).due,
        clock=run.moment,
        seconds=LEASE_SECONDS,
        batch=BATCH,
        limit=limit,
    ):
        for row in ButtonAnswer.objects.filter(pk__in=ids).select_related("notice__guide"):
            with outbox.alone("button_failed", button_id=row.pk):
                shown += _answer(row, token, run)
    return shown


def _answer(row: ButtonAnswer, token: UUID, run: Round) -> bool:
    if row.expires_at <= run.moment():
        row.settle(token, state=State.FAILED, reason=gettext("the card is too old"))
        return False
    # counted first: of a code that is used up after a call, that call was heard
    mine = lease.holds(ButtonAnswer.objects.filter(pk=row.pk), token)
    if not mine.update(attempts=row.attempts + 1):
        return False
    guide = row.notice.guide
    try:
        run.client(guide.corp_id).say_on_button(
            userids=[guide.wecom_userid],
            response_code=row.response_code,
            words=pgettext("button", "Known"),
        )
    except WeComError as error:
        return _note_failure(row, token, error, run.moment())
    faults.point("buttons.called")
    return row.settle(token, state=State.SHOWN, reason="")


def _note_failure(row: ButtonAnswer, token: UUID, error: WeComError, at: datetime) -> bool:
    """Returns whether the card says it all the same."""
    if error.errcode == CODE_USED_UP and row.attempts:
        return row.settle(token, state=State.SHOWN, reason="")
    fate = fate_of(error, failed=row.attempts, patience=PATIENCE, at=at, harmless=True)
    state = State.FAILED if fate.over else State.QUEUED
    row.settle(token, state=state, reason=plain_reason(error), **fate.again)
    return False
