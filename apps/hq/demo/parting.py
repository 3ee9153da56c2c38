"""Who goes in the demo: customers who delete a guide, and a leaver who was handed over."""

import random
from datetime import datetime, timedelta

from apps.accounts.actor import SYSTEM
from apps.core import clock
from apps.handovers import services
from apps.handovers.models import HandoverRun, Reassignment
from apps.hq.demo.chain import Chain
from apps.hq.demo.phones import Phones
from apps.members import services as members
from apps.members.models import FollowRelation
from apps.stores.models import Guide, Posting
from apps.stores.selectors import actor_for
from apps.stores.services import user_of_guide

_SEED = 20_261_124
_LOST, _BY_GUIDE = 14, 3
_LOST_IN_DAYS = 12
_STORES = ("sh01", "sh02", "hz01", "nj01")
_HANDED_OVER_DAYS_AGO = 3

EndedBy = FollowRelation.EndedBy


def lose_friends(chain: Chain, *, phones: Phones, now: datetime) -> int:
    """Some customers delete their guide, a guide deletes some; both sides of WeCom know it."""
    dice = random.Random(_SEED)
    guides = [guide.pk for code in _STORES for guide in chain.guides_of[code][1:]]
    rows = FollowRelation.objects.current().filter(
        guide_id__in=guides, since__lt=now - timedelta(days=_LOST_IN_DAYS + 1)
    )
    standing = list(rows.select_related("guide").order_by("external_userid", "pk"))
    lost = dice.sample(standing, min(_LOST, len(standing)))
    for number, row in enumerate(lost):
        by_guide = number < _BY_GUIDE
        at = now - timedelta(days=dice.randrange(1, _LOST_IN_DAYS), hours=dice.randrange(8))
        phones.post(
            "/sim/follows/delete",
            userid=row.guide.wecom_userid,
            external_userid=row.external_userid,
            by="guide" if by_guide else "customer",
        )
        with clock.at(at):
            members.end_follow(
                corp_id=row.corp_id,
                guide_id=row.guide_id,
                external_userid=row.external_userid,
                at=at,
                ended_by=EndedBy.GUIDE if by_guide else EndedBy.CUSTOMER,
            )
    return len(lost)


def hand_over(leaver: Guide, *, phones: Phones, now: datetime) -> HandoverRun:
    """One leaver's customers and group go to colleagues: begun three days ago, through by now but
    for one who refused. The simulator's clock stands wherever this leaves it."""
    begun = now - timedelta(days=_HANDED_OVER_DAYS_AGO)
    phones.post("/sim/clock", now=begun.timestamp())
    phones.post("/sim/users/leave", userid=leaver.wecom_userid)
    last = Posting.objects.filter(guide=leaver).select_related("store").order_by("-during").first()
    if last is None:
        raise RuntimeError(f"demo leaver without a store: {leaver.pk}")
    with clock.at(begun):
        run = services.plan_run(guide=leaver, store=last.store, actor=SYSTEM, now=begun)
        services.start_run(run=run, actor=SYSTEM, now=begun)
        services.send_calls(now=begun)
        services.send_groups(now=begun)
    refuses = run.items.exclude(external_userid="").order_by("pk").first()
    if refuses is not None:
        phones.post("/sim/transfers/refuse", external_userid=refuses.external_userid)
    later = begun + timedelta(days=1, hours=1)
    phones.post("/sim/clock", now=later.timestamp())
    with clock.at(later):
        services.ask_results(now=later)
        services.look_at_groups(now=later)
        _answer(run, now=later)
    return run


def _answer(run: HandoverRun, *, now: datetime) -> None:
    """Of the successors the first says yes, the second that something is wrong; the others have
    not looked yet."""
    given = Reassignment.objects.filter(run=run).select_related("guide").order_by("pk")
    for number, row in enumerate(given[:2]):
        actor = actor_for(user=user_of_guide(guide=row.guide), now=now)
        if number == 0:
            services.accept(reassignment_id=row.pk, actor=actor, now=now)
        else:
            words = "其中两位顾客住得离我们店远，建议给别的同事"
            services.question(reassignment_id=row.pk, words=words, actor=actor, now=now)
