"""发券: one tap gives the coupon and leaves the message about it; and what the member then does."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from apps.accounts.actor import Actor
from apps.core import clock
from apps.guide_tasks import hours
from apps.guide_tasks.errors import EndsUnsaid, NothingToSay
from apps.guide_tasks.models import Outcome, State, TaskTarget
from apps.guide_tasks.selectors.contexts import form_of_address
from apps.guide_tasks.services.evidence import record_outcome
from apps.guide_tasks.services.personal import demand_reach, send_personal
from apps.loyalty import services as loyalty
from apps.loyalty.models import CouponIssue
from apps.loyalty.selectors import worth_words
from apps.members.models import Member
from apps.members.selectors import survivor_group
from apps.outreach import ledger
from apps.outreach.models import Dispatch
from apps.stores.models import Posting
from apps.timeline import services as timeline
from apps.timeline.models import Kind


@dataclass(frozen=True, slots=True)
class Given:
    """The coupon, and the message that waits for the guide's confirmation in WeCom."""

    issue: CouponIssue
    dispatch: Dispatch


@transaction.atomic
def give_coupon(
    *,
    member: Member,
    coupon_id: int,
    page: str,
    actor: Actor,
    now: datetime,
    client_id: UUID | str,
) -> Given:
    """Give a coupon and leave the message with the link to `page`, both or neither. The same client
    id is the same act.

    Raises EndsUnsaid and what `loyalty.issue_coupon` and `send_personal` raise.
    """
    assert actor.guide_id is not None
    posting = _posting(actor.guide_id, now)
    cause = f"guide:{actor.guide_id}:{member.pk}:{client_id}"
    is_new = not CouponIssue.objects.filter(coupon_id=coupon_id, cause=cause).exists()
    if is_new:
        # in the order of every send: first the turn of the member, then the coupon
        ledger.one_at_a_time(member_ids=[member.pk])
        demand_reach(member=member, guide_id=actor.guide_id, now=now, marketing=True)
    issue = loyalty.issue_coupon(
        coupon_id=coupon_id,
        member_id=member.pk,
        cause=cause,
        guide_id=actor.guide_id,
        store_id=posting.store_id if posting else None,
        now=now,
        actor=actor,
    )
    if is_new and ends_unsaid(issue.expires_at, now=now):
        raise EndsUnsaid
    text = _words(issue, member, posting)
    return Given(issue, _say(member, text, page, actor, now, f"coupon:{client_id}"))


@transaction.atomic
def say_again(
    *,
    member: Member,
    issue_id: int,
    page: str,
    actor: Actor,
    now: datetime,
    client_id: UUID | str,
) -> Dispatch:
    """The message about a coupon that TA has and has not seen, once more. Nothing is given.

    Raises CouponIssue.DoesNotExist, NothingToSay, EndsUnsaid and what `send_personal` raises.
    """
    assert actor.guide_id is not None
    theirs = CouponIssue.objects.of_members(survivor_group(member.pk)).select_related("coupon")
    if not is_unseen(theirs.get(pk=issue_id), now=now):
        raise NothingToSay
    # in the order of every send: first the turn of the member, then the coupon
    ledger.one_at_a_time(member_ids=[member.pk])
    again = f"coupon-again:{client_id}"
    loyalty.promise_again(causes={again: issue_id})
    issue = theirs.get(pk=issue_id)
    if not is_unseen(issue, now=now):  # taken back, used or seen meanwhile
        raise NothingToSay
    if ends_unsaid(issue.expires_at, now=now):
        raise EndsUnsaid
    text = _words(issue, member, _posting(actor.guide_id, now))
    return _say(member, text, page, actor, now, again)


@transaction.atomic
def hand_gift_over(*, member: Member, issue_id: int, actor: Actor, now: datetime) -> CouponIssue:
    """The guide handed TA the gift in the store, once.

    Raises CouponIssue.DoesNotExist and what `loyalty.hand_over` raises.
    """
    assert actor.guide_id is not None
    posting = _posting(actor.guide_id, now)
    return loyalty.hand_over(
        issue_id=issue_id,
        member_id=member.pk,
        guide_id=actor.guide_id,
        store_id=posting.store_id if posting else None,
        now=now,
        actor=actor,
    )


def is_unseen(issue: CouponIssue, *, now: datetime) -> bool:
    """Can it be used, and has TA not seen it yet?"""
    return issue.opened_at is None and issue.state(now=now) == CouponIssue.State.USABLE


def ends_unsaid(expires_at: datetime, *, now: datetime) -> bool:
    """Is it over before customers may be written to?"""
    return expires_at <= hours.next_within(now, hours.CONTACT_FROM, hours.CONTACT_UNTIL)


def _posting(guide_id: int, now: datetime) -> Posting | None:
    here = Posting.objects.on(clock.business_day(now)).filter(guide_id=guide_id)
    return here.select_related("guide", "store").first()


def _say(
    member: Member, text: str, page: str, actor: Actor, now: datetime, client_id: str
) -> Dispatch:
    return send_personal(
        member=member,
        text=text,
        actor=actor,
        now=now,
        client_id=client_id,
        page=page,
        # a coupon wants something bought, also from who is new: never a service
        marketing=True,
    )


def _words(issue: CouponIssue, member: Member, posting: Posting | None) -> str:
    """What the customer reads above the link."""
    values = {
        "customer": form_of_address(member),
        "guide": posting.guide.name if posting else "",
        "store": posting.store.name if posting else "",
        "coupon": issue.coupon.name,
        "worth": worth_words(issue.coupon),
        "day": date_format(issue.last_day),
    }
    if not posting:
        return _("%(customer)s, a coupon for you: %(coupon)s (%(worth)s), until %(day)s.") % values
    if issue.coupon.by_hand:
        return (
            _(
                "%(customer)s, %(guide)s of %(store)s here. A gift waits for you in the store: "
                "%(coupon)s (%(worth)s), until %(day)s. Come by and I hand it to you."
            )
            % values
        )
    return (
        _(
            "%(customer)s, %(guide)s of %(store)s here. A coupon for you: %(coupon)s (%(worth)s), "
            "until %(day)s. Open the link and show the code when you pay."
        )
        % values
    )


@transaction.atomic
def coupons_opened(*, member_ids: list[int], now: datetime) -> int:
    """The member opened their coupons: 已互动, once for each coupon. It counts for the running work
    of the guide who gave it, else for the story alone. Returns how many were new.
    """
    # the targets are held before the coupons, as by who sends one or takes one back; whoever gave
    # theirs in between is told of in the story alone
    unseen = CouponIssue.objects.unseen(at=now).of_members(member_ids)
    guides = {pk for pk in unseen.values_list("guide_id", flat=True) if pk is not None}
    running = _running_work(member_ids, guides, now)
    fresh = loyalty.note_opened(member_ids=member_ids, now=now)
    for issue in fresh:
        # the last that was open when it was given
        work = next(
            (
                target
                for target in reversed(running)
                if target.guide_id == issue.guide_id and target.opens_at <= issue.issued_at
            ),
            None,
        )
        if work is not None:
            record_outcome(
                target=work, outcome=Outcome.ENGAGED, source=issue.source, occurred_at=now
            )
        else:
            _tell_engaged(issue, now)
    return len(fresh)


def _running_work(member_ids: list[int], guide_ids: set[int], now: datetime) -> list[TaskTarget]:
    """What these guides work on with this member, held, in one statement."""
    if not guide_ids:
        return []
    found = TaskTarget.objects.filter(
        member_id__in=member_ids, guide_id__in=guide_ids, opens_at__lte=now
    ).exclude(state__in=[State.NOT_APPLICABLE, State.EXPIRED])
    return [
        target
        for target in found.select_related("push__campaign")
        .select_for_update(of=("self",))
        .order_by("pk")
        if now < target.opens_at + timedelta(days=target.push.campaign.window_days)
    ]


def _tell_engaged(issue: CouponIssue, now: datetime) -> None:
    timeline.record_event(
        member_id=issue.member_id,
        kind=Kind.ENGAGED,
        source=issue.source,
        key=f"{issue.source}:engaged",
        occurred_at=now,
        payload={"source": issue.source, "guide_id": issue.guide_id},
    )
