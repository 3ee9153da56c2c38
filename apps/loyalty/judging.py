"""What a code is worth at a till: asked before a sale, and judged when a sale names it."""

from dataclasses import dataclass
from datetime import datetime

from django.utils.formats import date_format
from django.utils.translation import gettext as _

from apps.core import clock
from apps.loyalty.models import CouponIssue
from apps.loyalty.selectors import yuan

# what became of one code of one order; of a check `USED` means: it would be
USED, BELOW = "used", "below_amount"
UNKNOWN, TAKEN, FOREIGN = "unknown_coupon", "coupon_used", "foreign_coupon"
EARLY, LATE, ELSEWHERE = "coupon_not_yet", "coupon_expired", "coupon_other_store"
NO_SALE, BY_HAND = "coupon_without_sale", "gift_of_guide"
USABLE = "usable"


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a code can be used now, why not in one sentence, and what it is worth."""

    code: str
    status: str
    message: str
    issue: CouponIssue | None = None

    @property
    def usable(self) -> bool:
        return self.status == USABLE


def clean_code(code: str) -> str:
    """As it is kept: people type the gaps they see."""
    return "".join(code.split())


def refusal_of(
    issue: CouponIssue, *, at: datetime, store_id: int | None, survivor_id: int | None
) -> str:
    """Why this coupon does not count then, there and for this person; "" if it does. None is what
    nobody said: who shows the code without being named is taken for its owner, because nobody can
    guess it. The caller prefetched the stores."""
    if survivor_id is not None and survivor_id != issue.member.survivor_id:
        return FOREIGN
    if at < issue.starts_at:
        return EARLY
    if at >= issue.expires_at or issue.withdrawn_at is not None:
        return LATE
    stores = {store.pk for store in issue.coupon.stores.all()}
    return ELSEWHERE if stores and store_id is not None and store_id not in stores else ""


def check_code(
    *,
    code: str,
    store_id: int | None,
    survivor_id: int | None,
    amount_fen: int | None,
    now: datetime,
) -> Verdict:
    """Asked by a till before it takes money off; changes nothing. `amount_fen`: of the goods,
    before the coupon."""
    found = CouponIssue.objects.filter(code=clean_code(code)).select_related("coupon", "member")
    issue = found.prefetch_related("coupon__stores").first()
    if issue is None:
        return Verdict(code, UNKNOWN, _("No coupon of ours has this code."))
    status = USABLE
    if issue.used_at is not None:
        status = TAKEN
    elif issue.coupon.by_hand:
        status = BY_HAND
    elif refused := refusal_of(issue, at=now, store_id=store_id, survivor_id=survivor_id):
        status = refused
    elif amount_fen is not None and amount_fen < issue.coupon.from_fen:
        status = BELOW
    if status == FOREIGN:  # what another member has is nobody's to read
        return Verdict(code, status, _sentence(status, issue))
    return Verdict(code, status, _sentence(status, issue), issue)


def _sentence(status: str, issue: CouponIssue) -> str:
    first = date_format(clock.business_day(issue.starts_at))
    words = {
        TAKEN: _("This coupon was used already."),
        BY_HAND: _("The guide hands this gift over. There is nothing to take off."),
        FOREIGN: _("This coupon is another member's."),
        EARLY: _("This coupon counts from %(day)s on.") % {"day": first},
        LATE: _("This coupon's time was over after %(day)s.")
        % {"day": date_format(issue.last_day)},
        ELSEWHERE: _("This coupon does not count in this store."),
        BELOW: _("This coupon counts from %(amount)s on.")
        % {"amount": yuan(issue.coupon.from_fen)},
    }
    return words.get(status, "")
