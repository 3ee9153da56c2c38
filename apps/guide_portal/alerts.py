"""预警 as the page shows it: each a fact and a next step."""

from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.urls import reverse
from django.utils.translation import gettext as _

from apps.accounts.actor import Actor
from apps.core import clock
from apps.guide_portal.cards import Chip, Person, person_of
from apps.guide_portal.templatetags.portal import month_day
from apps.handovers.models import Reassignment
from apps.handovers.selectors import to_look_at
from apps.reports import alerts
from apps.reports.losses import losses
from apps.stores import selectors as stores
from apps.stores.models import Store
from apps.wecom_sync.models import GuideDay

LOSS_DAYS = 7


@dataclass(frozen=True, slots=True)
class Alert:
    person: Person
    chip: Chip
    words: str
    step: str
    href: str = ""


@dataclass(frozen=True, slots=True)
class AlertsPage:
    store: Store
    lost: list[Alert]
    replies: list[Alert]
    sales: list[Alert]
    mismatches: int
    deletions: list[Alert]
    given: list[Alert]

    @property
    def is_quiet(self) -> bool:
        found = (self.deletions, self.lost, self.replies, self.sales, self.given)
        return not (any(found) or self.mismatches)


def alerts_page(*, store: Store, actor: Actor, now: datetime) -> AlertsPage:
    """Everything to look at in a store, in seven queries."""
    posted = stores.posted_with_duty(store_ids=[store.pk], day=clock.business_day(now))
    ids = list(posted.values_list("guide_id", flat=True))
    return AlertsPage(
        store=store,
        lost=[
            Alert(
                person=person_of(one.member),
                chip=Chip("out", _("deleted %(name)s") % {"name": one.guide.name}, "late"),
                words=_("On %(day)s") % {"day": month_day(one.until)},
                step=_("Do not write any more; add TA again when TA is in the store"),
                href=reverse("guide_portal:customer", args=[one.member.public_id]),
            )
            for one in alerts.lost_friends(guide_ids=ids, actor=actor, now=now)
        ],
        replies=[_low_reply(one) for one in alerts.low_replies(store=store, now=now)],
        sales=[_no_sale(one, store) for one in alerts.without_sale(store=store, now=now)],
        mismatches=alerts.mismatches(actor=actor, now=now).count(),
        deletions=_deletions(store, actor, now),
        given=[_not_accepted(one) for one in to_look_at(store_id=store.pk, actor=actor, now=now)],
    )


def _deletions(store: Store, actor: Actor, now: datetime) -> list[Alert]:
    """Guides whom many customers deleted this week, or who deleted customers themselves."""
    found = losses(actor=actor, now=now, days=LOSS_DAYS, store=store).guides
    rows = []
    for one in found:
        person = _colleague(one.guide_id, one.name)
        words = _("%(c)s by customers, %(g)s by TA, %(b)s friends again") % {
            "c": one.loss.by_customer,
            "g": one.loss.by_guide,
            "b": one.loss.back,
        }
        if one.loss.by_guide >= settings.LOST_BY_GUIDE_FROM:
            chip = Chip("alert", _("deleted %(n)s customers") % {"n": one.loss.by_guide}, "late")
            step = _("Ask why; customers belong to the store")
            rows.append(Alert(person=person, chip=chip, words=words, step=step))
        elif one.loss.by_customer >= settings.LOST_BY_CUSTOMER_FROM:
            counted = _("%(n)s customers deleted TA") % {"n": one.loss.by_customer}
            step = _("Look at the messages of these days together; fewer, fitter ones keep friends")
            rows.append(Alert(person, Chip("out", counted, "late"), words, step))
    return rows


def _not_accepted(one: Reassignment) -> Alert:
    return Alert(
        person=_colleague(one.guide_id, one.guide.name),
        chip=Chip("people", _("%(n)s customers not accepted") % {"n": one.customers}, "warn"),
        words=_("Theirs since %(day)s") % {"day": month_day(one.given_at)},
        step=_("Ask TA, or give them to a colleague"),
        href=reverse("guide_portal:reassignment", args=[one.pk]),
    )


def _colleague(pk: int, name: str) -> Person:
    return Person(pk=pk, public_id=None, name=name)


def _low_reply(one: alerts.LowReply) -> Alert:
    return Alert(
        person=_colleague(one.guide_id, one.name),
        chip=Chip("chat", _("answers %(percent)s%%") % {"percent": round(one.percent)}, "warn"),
        words=_("Mean of %(days)s days, %(chats)s chats, as WeCom counts it")
        % {"days": one.days, "chats": one.chats},
        step=_("Ask which hours are too full, share out open work"),
        href=reverse("guide_portal:assign"),
    )


def _no_sale(one: alerts.NoSale, store: Store) -> Alert:
    return Alert(
        person=_colleague(one.guide_id, one.name),
        chip=Chip("bag", _("%(n)s reached, none bought") % {"n": one.reached}, "warn"),
        words=_("In %(days)s days") % {"days": alerts.SALE_DAYS},
        step=_("Look at the scripts that work, choose two together"),
        href=reverse("guide_portal:scripts"),
    )


# --- 差异清单 ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class MismatchRow:
    """A guide's day: what was declared, what WeCom counted."""

    pk: int
    person: Person
    title: str
    words: str


def mismatch_row(day: GuideDay) -> MismatchRow:
    return MismatchRow(
        pk=day.pk,
        person=_colleague(day.guide_id, day.guide.name),
        title=month_day(day.day),
        words=_("Declared contact with %(declared)s customers, WeCom counted %(chats)s chats")
        % {"declared": day.declared, "chats": day.chats},
    )


def mismatch_rows(*, actor: Actor, now: datetime) -> list[MismatchRow]:
    rows = alerts.mismatches(actor=actor, now=now)[: alerts.LISTED]
    return [mismatch_row(day) for day in rows]
