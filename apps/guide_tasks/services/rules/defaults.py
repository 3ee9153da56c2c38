"""The rules a new chain starts with, each with a script and a campaign. Head office edits them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from apps.accounts.actor import SYSTEM
from apps.campaigns import services as campaigns
from apps.campaigns.models import Campaign
from apps.guide_tasks.models import TaskRule
from apps.outreach.models import MessageTemplate

Key = TaskRule.Key


@dataclass(frozen=True)
class Default:
    key: str
    title: str
    body: str
    generic_body: str
    numbers: Mapping[str, int] = field(default_factory=dict)
    is_active: bool = True


@transaction.atomic
def ensure_default_rules(*, now: datetime) -> int:
    """Make the rules that are missing. Of care only a chain without any gets its steps. Returns
    how many."""
    known = set(TaskRule.objects.values_list("key", flat=True))
    missing = [one for one in _defaults() if one.key not in known]
    for one in missing:
        make_rule(
            key=one.key,
            title=one.title,
            template=_script(one),
            is_active=one.is_active,
            now=now,
            numbers=one.numbers,
        )
    return len(missing)


def make_rule(
    *,
    key: str,
    title: str,
    template: MessageTemplate,
    is_active: bool,
    now: datetime,
    numbers: Mapping[str, int | None],
    category: str = "",
) -> TaskRule:
    """A rule with a campaign of its own."""
    campaign = campaigns.create_campaign(
        name=title, goal=Campaign.Goal.SERVICE, starts_at=now, control_share_bp=0, actor=SYSTEM
    )
    return TaskRule.objects.create(
        key=key,
        title=title,
        template=template,
        campaign=campaign,
        category=category,
        is_active=is_active,
        active_since=now if is_active else None,
        **numbers,
    )


def _script(one: Default) -> MessageTemplate:
    template, _made = MessageTemplate.objects.get_or_create(
        name=one.title, defaults={"body": one.body, "generic_body": one.generic_body}
    )
    return template


def _defaults() -> list[Default]:
    return [*_after_contact(), *_after_purchase(), *_first_words(), *_by_the_day()]


def _after_contact() -> list[Default]:
    return [
        Default(
            Key.FOLLOW_UP,
            _("Ask once more"),
            _("{称呼}, {导购} of {门店} here. Did what I sent you fit? I can look for more."),
            _("{导购} of {门店} here. If something caught your eye, I will put it aside for you."),
            {"due_days": 1},
        ),
        Default(
            Key.REVISIT,
            _("After a visit"),
            _("{称呼}, good to have seen you at {门店}. What you tried on is still here. {导购}"),
            _("Good to have seen you at {门店}. I can put aside what you tried on. {导购}"),
            {"delay_days": 1, "due_days": 1},
        ),
        Default(
            Key.APPOINTMENT,
            _("Before an appointment"),
            _("{称呼}, {导购} of {门店} here. See you on {预约}; another time is fine, tell me."),
            _("{导购} of {门店} here. See you as arranged; another time is fine, tell me."),
            {"lead_days": 1},
        ),
        Default(
            Key.THANKS,
            _("Thanks for coming"),
            _("{称呼}, thank you for coming to {门店}. Ask me any time. {导购}"),
            _("Thank you for coming to {门店}. Ask me any time. {导购}"),
            {"delay_days": 1, "due_days": 4},
        ),
    ]


def _after_purchase() -> list[Default]:
    personal = _("{称呼}, how do you like {上次购买}? Tell me if anything is not right. {导购}")
    general = _("How do you get on with what you bought? Tell me if anything is not right. {导购}")
    use = _("{称呼}, a month with {上次购买}: shall I tell you how to care for it? {导购}")
    use_general = _("A month with your purchase: ask me how to care for it. {导购}")
    return [
        Default(
            Key.CARE,
            _("After-purchase care"),
            personal,
            general,
            {"delay_days": 3, "due_days": 1},
        ),
        Default(
            Key.CARE,
            _("Care, one week later"),
            personal,
            general,
            {"delay_days": 7, "due_days": 2, "daily_cap": 5},
            is_active=False,
        ),
        Default(
            Key.CARE,
            _("Care, one month later"),
            use,
            use_general,
            {"delay_days": 30, "due_days": 3, "daily_cap": 3},
        ),
        Default(
            Key.CASE_CLOSED,
            _("After a complaint"),
            _("{称呼}, {导购} of {门店} here. Is everything right now? Tell me if not."),
            _("{导购} of {门店} here. Is everything right now? Tell me if not."),
            {"delay_days": 1, "due_days": 1},
        ),
    ]


def _first_words() -> list[Default]:
    return [
        Default(
            Key.GREETING,
            _("Greet the new friend"),
            _("{称呼}, I am {导购} of {门店}. Ask me about sizes and new arrivals any time."),
            _("I am {导购} of {门店}. Ask me about sizes and new arrivals any time."),
            {"due_days": 0},
        ),
        Default(
            Key.WELCOME,
            _("Welcome the new member"),
            _("{称呼}, welcome as a member. I am {导购} of {门店}, ask me any time."),
            _("Welcome as a member. I am {导购} of {门店}, ask me any time."),
            {"due_days": 0},
        ),
        Default(
            Key.LEAD,
            _("First order"),
            _("{称呼}, {导购} of {门店} here. Tell me what you wear, I will choose a few for you."),
            _("{导购} of {门店} here. Tell me what you wear, I will choose a few for you."),
            {"delay_days": 2, "due_days": 2, "daily_cap": 3},
        ),
    ]


def _by_the_day() -> list[Default]:
    return [
        Default(
            Key.BIRTHDAY,
            _("Birthday wishes"),
            _("{称呼}, happy birthday from {导购} of {门店}. Come by, I have put something aside."),
            _("Happy birthday from {导购} of {门店}. Come by, I have put something aside."),
            {"lead_days": 3},
        ),
        Default(
            Key.POINTS,
            _("Points about to end"),
            _("{称呼}, some of your points end soon. Come by {门店}, I help you use them. {导购}"),
            _("Some of your points end soon. Come by {门店}, I help you use them. {导购}"),
            {"lead_days": 5, "least_points": 500, "skip_days": 7, "daily_cap": 3},
        ),
        Default(
            Key.COUPONS,
            _("Coupons about to end"),
            _("{称呼}, a coupon of yours ends soon. Come by {门店}, I help you use it. {导购}"),
            _("A coupon of yours ends soon. Come by {门店}, I help you use it. {导购}"),
            {"lead_days": 5, "skip_days": 7, "daily_cap": 3},
        ),
        Default(
            Key.REPURCHASE,
            _("Time for something new"),
            _("{称呼}, what goes with {上次购买} has arrived. Shall I keep your size? {导购}"),
            _("New pieces have arrived at {门店}. Shall I keep your size? {导购}"),
            {"lead_days": 3, "due_days": 3, "skip_days": 7, "daily_cap": 3},
        ),
        Default(
            Key.SILENT,
            _("Long not seen"),
            _("{称呼}, {导购} of {门店} here. I thought of you: new pieces in your size are here."),
            _("{导购} of {门店} here. New pieces are here, I can put your size aside."),
            {"due_days": 3, "skip_days": 14, "daily_cap": 3},
        ),
        # off: a chain whose catalogue is still being loaded would call all of it new
        Default(
            Key.NEW_GOODS,
            _("New in, of a liked kind"),
            _("{称呼}, {门店} has something new for you. Shall I keep your size? {导购}"),
            _("New pieces are in at {门店}. Tell me your size, I will put one aside. {导购}"),
            {"due_days": 3, "skip_days": 14, "daily_cap": 3},
            is_active=False,
        ),
    ]
