"""A push carries a coupon: whom the message goes to gets it, once, credited to guide and push."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from django.db import transaction
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from apps.accounts.actor import Actor
from apps.core import clock
from apps.guide_tasks.errors import CouponHadAlready, CouponNotGiven
from apps.guide_tasks.models import ExcuseReason, TaskPush, TaskTarget
from apps.guide_tasks.services import targets
from apps.guide_tasks.services.evidence import target_id_of
from apps.guide_tasks.shapes import PushPlaces
from apps.loyalty import services as loyalty
from apps.loyalty.errors import HasEnough
from apps.loyalty.models import Coupon, CouponIssue
from apps.loyalty.selectors import worth_words
from apps.outreach.models import DispatchRecipient

_UNSENT = frozenset(DispatchRecipient.State) - {
    DispatchRecipient.State.WAITING,
    DispatchRecipient.State.DELIVERED,
}
# where the customer sees it: the link under the message leads there
MY_COUPONS = "/m/coupons/"


@dataclass(frozen=True, slots=True)
class Reached:
    """Whom the message goes to, and the last days of the coupons that they have."""

    chosen: list[TaskTarget]
    last_days: frozenset[date] = frozenset()


def give_with(
    *, push: TaskPush, found: Sequence[TaskTarget], sent_from: datetime, now: datetime, actor: Actor
) -> Reached:
    """Of these customers of one guide those who have the push's coupon now; all of them where it
    carries none. `sent_from`: before that nobody reads of it.

    Safe to repeat: a target is one cause. Raises CouponNotGiven, CouponHadAlready when nobody is
    left. The caller's transaction leaves the message, so that one is not without the other.
    """
    if push.coupon_id is None or not found:
        return Reached(list(found))
    one = found[0]
    handed = loyalty.issue_many(
        coupon_id=push.coupon_id,
        wanted=[loyalty.Wanted(target.member_id, target.source) for target in found],
        batch=push.source,
        guide_id=one.guide_id,
        store_id=one.store_id,
        now=now,
        actor=actor,
    )
    chosen = [target for target in found if _reaches(handed.given.get(target.source), sent_from)]
    if not chosen:
        had = all(isinstance(reason, HasEnough) for reason in handed.refused.values())
        raise CouponHadAlready() if handed.refused and had else CouponNotGiven()
    told = {target.source: handed.given[target.source] for target in chosen}
    loyalty.promise_again(
        causes={cause: issue.pk for cause, issue in told.items() if cause not in issue.promises}
    )
    days = frozenset(issue.last_day for issue in told.values())
    return Reached(chosen, days)


def _reaches(issue: CouponIssue | None, sent_from: datetime) -> bool:
    return issue is not None and issue.expires_at > sent_from


def take_back(*, push: TaskPush, target_ids: Sequence[int], now: datetime) -> None:
    """The push was taken back before the message left: what nobody saw goes with it. A message that
    WeCom still holds may yet go out and promises the coupon: that one waits for WeCom's word."""
    if push.coupon_id is None or not target_ids:
        return
    causes = {f"{targets.SOURCE}{pk}" for pk in target_ids}
    held = DispatchRecipient.objects.filter(
        source__in=causes, state=DispatchRecipient.State.WAITING
    )
    gone = sorted(causes - set(held.values_list("source", flat=True)))
    loyalty.take_back(causes=gone, now=now)


@transaction.atomic
def take_back_unsent(*, told: Iterable[DispatchRecipient], now: datetime) -> int:
    """WeCom's word on these receivers is there: whose task was taken back meanwhile and who got no
    message keeps no coupon. Returns how many were taken back.

    Called when the targets of all of them are settled: whoever sends holds a target first and the
    coupon last, and so does this.
    """
    unsent = [row.source for row in told if row.state in _UNSENT]
    ids = [target_id for source in unsent if (target_id := target_id_of(source)) is not None]
    if not ids:
        return 0
    withdrawn = TaskTarget.objects.filter(
        pk__in=ids, excuse_reason=ExcuseReason.WITHDRAWN, push__coupon__isnull=False
    )
    causes = [f"{targets.SOURCE}{pk}" for pk in withdrawn.values_list("pk", flat=True)]
    return loyalty.take_back(causes=causes, now=now) if causes else 0


def with_words(text: str, *, push: TaskPush, last_days: Collection[date]) -> str:
    """The message, and under it what the customer gets."""
    return "\n".join(filter(None, [text.rstrip(), coupon_line(push=push, last_days=last_days)]))


def coupon_line(*, push: TaskPush, last_days: Collection[date]) -> str:
    """What the customer reads about the coupon; "" where the push carries none. One text to many
    names a day only if it is everybody's: who had the coupon before has an earlier one."""
    coupon = push.coupon
    if coupon is None:
        return ""
    values = {"coupon": coupon.name, "worth": worth_words(coupon)}
    if len(last_days) != 1:
        return _line_without_day(coupon, values)
    values["day"] = date_format(next(iter(last_days)))
    if coupon.by_hand:
        return (
            _(
                "A gift for you: %(coupon)s (%(worth)s), until %(day)s. Come by and I hand it to"
                " you."
            )
            % values
        )
    return (
        _(
            "A coupon for you: %(coupon)s (%(worth)s), until %(day)s. Open the link and show the"
            " code when you pay."
        )
        % values
    )


def _line_without_day(coupon: Coupon, values: dict[str, str]) -> str:
    if coupon.by_hand:
        return _("A gift for you: %(coupon)s (%(worth)s). Come by and I hand it to you.") % values
    return (
        _(
            "A coupon for you: %(coupon)s (%(worth)s). Open the link: it shows its last day and"
            " the code for when you pay."
        )
        % values
    )


def page_of(push: TaskPush) -> str:
    """Where the link under the message leads; "" = where it leads without a coupon."""
    return MY_COUPONS if push.coupon_id is not None else ""


def missing(*, push: TaskPush, now: datetime) -> list[str]:
    """Why the push cannot go out with its coupon."""
    coupon = push.coupon
    if coupon is None or (coupon.is_active and not coupon.is_over(on=clock.business_day(now))):
        return []
    return [_("The coupon “%(name)s” is stopped or over. Choose another one.") % {"name": coupon}]


def warnings(*, push: TaskPush, counted: PushPlaces, now: datetime) -> list[str]:
    """What to know before the hand-out: stock, last day, stores."""
    coupon = push.coupon
    if coupon is None:
        return []
    found = []
    if coupon.left < counted.issued:
        found.append(
            _(
                "Coupon “%(name)s”: %(left)s in stock, %(n)s within reach. Who is written to last"
                " gets none: raise the stock or choose fewer."
            )
            % {"name": coupon, "left": f"{coupon.left:,}", "n": f"{counted.issued:,}"}
        )
    if coupon.ends_on and push.due_at and coupon.is_over(on=clock.business_day(push.due_at)):
        found.append(
            _("Coupon “%(name)s” ends on %(day)s, before the push is due.")
            % {"name": coupon, "day": date_format(coupon.ends_on)}
        )
    places = coupon.stores.count()
    if places:
        found.append(
            _("Coupon “%(name)s” counts in %(n)s stores only: customers of other stores get none.")
            % {"name": coupon, "n": places}
        )
    return found
