"""留货 and 调货: one piece that another store keeps, or sends, for a guide's customer."""

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from apps.stock.querysets import StockRequestQuerySet


class Kind(models.TextChoices):
    # the customer comes to the store that has it
    HOLD = "hold", pgettext_lazy("stock request", "Keep it there")
    # it comes to the store of the guide who asks
    SEND = "send", pgettext_lazy("stock request", "Send it here")


class State(models.TextChoices):
    ASKED = "asked", pgettext_lazy("stock request", "Waits for an answer")
    # a guide of the store has looked; its manager's yes is still to come
    AGREED = "agreed", pgettext_lazy("stock request", "Waits for the manager")
    HELD = "held", pgettext_lazy("stock request", "Put aside")
    SENT = "sent", pgettext_lazy("stock request", "On its way")
    ARRIVED = "arrived", pgettext_lazy("stock request", "Arrived")
    SOLD = "sold", pgettext_lazy("stock request", "Bought")
    REFUSED = "refused", pgettext_lazy("stock request", "Refused")
    WITHDRAWN = "withdrawn", pgettext_lazy("stock request", "Taken back")
    LAPSED = "lapsed", pgettext_lazy("stock request", "Lapsed")


UNSENT = (State.ASKED, State.AGREED, State.HELD)
OPEN = (State.ASKED, State.AGREED, State.HELD, State.SENT, State.ARRIVED)

# Where each state may lead. A lapsed one is sold by an order alone that was paid before it lapsed:
# tills tell late.
NEXT: dict[str, frozenset[str]] = {
    State.ASKED: frozenset(
        {State.AGREED, State.HELD, State.REFUSED, State.WITHDRAWN, State.LAPSED}
    ),
    State.AGREED: frozenset({State.HELD, State.REFUSED, State.WITHDRAWN, State.LAPSED}),
    State.HELD: frozenset({State.SENT, State.SOLD, State.REFUSED, State.WITHDRAWN, State.LAPSED}),
    State.SENT: frozenset({State.ARRIVED, State.SOLD, State.WITHDRAWN, State.LAPSED}),
    State.ARRIVED: frozenset({State.SOLD, State.WITHDRAWN, State.LAPSED}),
    State.LAPSED: frozenset({State.SOLD}),
    State.SOLD: frozenset(),
    State.REFUSED: frozenset(),
    State.WITHDRAWN: frozenset(),
}


class Reason(models.TextChoices):
    """Why it came to nothing."""

    # the store that has it says no
    GONE = "gone", pgettext_lazy("stock request", "Not there after all")
    FAULTY = "faulty", pgettext_lazy("stock request", "The piece is not in order")
    OWN = "own", pgettext_lazy("stock request", "A customer is trying it on here")
    CANNOT = "cannot", pgettext_lazy("stock request", "Cannot be sent")
    # the store that asked takes it back
    NO_NEED = "no_need", pgettext_lazy("stock request", "TA does not want it any more")
    ELSEWHERE = "elsewhere", pgettext_lazy("stock request", "Found somewhere else")
    MISTAKE = "mistake", pgettext_lazy("stock request", "Asked by mistake")
    BOUGHT = "bought", pgettext_lazy("stock request", "TA has bought one already")
    OWNERS = "owners", pgettext_lazy("stock request", "The region says no")
    ERASED = "erased", pgettext_lazy("stock request", "TA had the data deleted")
    # time ran out
    NO_ANSWER = "no_answer", pgettext_lazy("stock request", "No answer in time")
    NOT_FETCHED = "not_fetched", pgettext_lazy("stock request", "Not fetched in time")
    NOT_SENT = "not_sent", pgettext_lazy("stock request", "Not sent in time")
    NOT_ARRIVED = "not_arrived", pgettext_lazy("stock request", "Did not arrive in time")


class StockRequest(models.Model):
    """One piece for one customer. `due_at` is when the present state lapses; the share, the hours
    and whose yes it needs are the terms that both sides were shown when it was asked for."""

    member = models.ForeignKey(
        "members.Member", on_delete=models.CASCADE, related_name="+", verbose_name=_("member")
    )
    product = models.ForeignKey(
        "orders.Product",
        on_delete=models.PROTECT,
        related_name="+",
        verbose_name=_("product"),
        db_index=False,
    )
    kind = models.CharField(_("kind"), max_length=8, choices=Kind)
    asking_guide = models.ForeignKey(
        "stores.Guide",
        on_delete=models.PROTECT,
        related_name="+",
        verbose_name=_("asked by"),
        db_index=False,
    )
    asking_store = models.ForeignKey(
        "stores.Store",
        on_delete=models.PROTECT,
        related_name="+",
        verbose_name=_("store that asks"),
        db_index=False,
    )
    giving_store = models.ForeignKey(
        "stores.Store",
        on_delete=models.PROTECT,
        related_name="+",
        verbose_name=_("store that gives"),
        db_index=False,
    )
    # who looked and said that it is there
    giving_guide = models.ForeignKey(
        "stores.Guide",
        on_delete=models.PROTECT,
        related_name="+",
        verbose_name=_("found by"),
        null=True,
        db_index=False,
    )
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.ASKED)
    reason = models.CharField(_("reason"), max_length=12, choices=Reason, blank=True)
    needs_manager = models.BooleanField(_("the store's manager has to agree"))
    # a piece that goes to a store of another owner: the regional manager has a word before it goes
    needs_region = models.BooleanField(_("the regional manager has to agree"), default=False)
    cleared_at = models.DateTimeField(_("the region agreed at"), null=True)
    giver_percent = models.PositiveSmallIntegerField(_("the giving store's share, %"))
    hold_hours = models.PositiveSmallIntegerField(_("hours a piece is kept"))
    travel_hours = models.PositiveSmallIntegerField(_("hours on the way at most"))
    asked_at = models.DateTimeField(_("asked at"))
    due_at = models.DateTimeField(_("lapses at"), null=True)
    held_at = models.DateTimeField(_("put aside at"), null=True)
    sent_at = models.DateTimeField(_("sent off at"), null=True)
    arrived_at = models.DateTimeField(_("arrived at"), null=True)
    ended_at = models.DateTimeField(_("ended at"), null=True)
    # what the till said, and what the piece was worth, net of what came back: nobody's commission
    # is made of it here
    order = models.ForeignKey(
        "orders.Order",
        on_delete=models.PROTECT,
        related_name="+",
        verbose_name=_("order"),
        null=True,
        db_index=False,
    )
    net_fen = models.BigIntegerField(_("net amount"), null=True)
    # the tap that made it: sent twice, it is one request
    client_id = models.UUIDField(unique=True, editable=False)

    objects = StockRequestQuerySet.as_manager()

    class Meta:
        verbose_name = _("piece kept or sent")
        verbose_name_plural = _("pieces kept or sent")
        indexes = [
            models.Index(fields=["due_at"], condition=Q(state__in=OPEN), name="stock_request_due"),
            models.Index(fields=["giving_store", "product"], name="stock_request_promised"),
            # what came for a customer is on the shelf and promised, once sold until it is counted
            models.Index(
                fields=["asking_store", "product"],
                condition=Q(state__in=(State.ARRIVED, State.SOLD)),
                name="stock_request_arrived",
            ),
            # what a store has to answer, and what a guide asked for: read on each visit of 今日
            models.Index(
                fields=["giving_store"], condition=Q(state__in=OPEN), name="stock_request_giving"
            ),
            models.Index(
                fields=["asking_guide"], condition=Q(state__in=OPEN), name="stock_request_asking"
            ),
            models.Index(
                fields=["-ended_at", "-id"],
                condition=Q(ended_at__isnull=False),
                name="stock_request_ended",
            ),
            models.Index(
                fields=["order"], condition=Q(order__isnull=False), name="stock_request_order"
            ),
            models.Index(fields=["-asked_at", "-id"], name="stock_request_latest"),
            models.Index(
                fields=["giving_store", "asked_at"],
                condition=Q(needs_region=True, cleared_at=None, state__in=UNSENT),
                name="stock_request_to_clear",
            ),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["member", "product"],
                condition=Q(state__in=OPEN),
                name="stock_request_one_open",
            ),
            models.CheckConstraint(
                condition=~Q(asking_store=F("giving_store")), name="stock_request_two_stores"
            ),
            models.CheckConstraint(
                condition=Q(kind="send") | ~Q(state__in=("sent", "arrived")),
                name="stock_request_kept_stays",
            ),
            models.CheckConstraint(
                condition=Q(state__in=OPEN, due_at__isnull=False, ended_at=None)
                | (~Q(state__in=OPEN) & Q(due_at=None, ended_at__isnull=False)),
                name="stock_request_open_has_limit",
            ),
            models.CheckConstraint(
                condition=Q(state__in=("refused", "withdrawn", "lapsed")) & ~Q(reason="")
                | (~Q(state__in=("refused", "withdrawn", "lapsed")) & Q(reason="")),
                name="stock_request_end_has_reason",
            ),
            models.CheckConstraint(
                condition=Q(needs_region=False, cleared_at=None)
                | Q(needs_region=True, kind="send"),
                name="stock_request_cleared_if_sent",
            ),
            models.CheckConstraint(
                condition=Q(state="sold", order__isnull=False, net_fen__isnull=False)
                | (~Q(state="sold") & Q(order=None, net_fen=None)),
                name="stock_request_sold_has_order",
            ),
        ]

    def __str__(self) -> str:
        return f"stock_request:{self.pk}"

    @property
    def source(self) -> str:
        return f"stock_request:{self.pk}"

    @property
    def is_open(self) -> bool:
        return self.state in OPEN

    @property
    def waits_for_region(self) -> bool:
        return self.needs_region and self.cleared_at is None and self.state in UNSENT

    @property
    def giver_fen(self) -> int | None:
        """The giving store's part of the sale; the rest is the asking guide's."""
        return None if self.net_fen is None else round(self.net_fen * self.giver_percent / 100)


class StockRequestMove(models.Model):
    """A step of a request, with who took it."""

    request = models.ForeignKey(
        StockRequest, on_delete=models.CASCADE, related_name="moves", verbose_name=_("request")
    )
    from_state = models.CharField(max_length=10, choices=State, blank=True)
    to_state = models.CharField(max_length=10, choices=State)
    at = models.DateTimeField(_("at"))
    actor = models.CharField(_("actor"), max_length=40)
    reason = models.CharField(_("reason"), max_length=12, blank=True)

    class Meta:
        verbose_name = _("step of a request")
        verbose_name_plural = _("steps of requests")

    def __str__(self) -> str:
        return f"stock_request:{self.request_id} {self.from_state}→{self.to_state}"
