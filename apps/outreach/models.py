"""How words reach people: scripts, the outbox of sends with each receiver's result, notices,
tracked links."""

import hashlib
import secrets

from django.contrib.postgres.indexes import BrinIndex
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from apps.core.models import LeasedModel
from apps.outreach import attachments
from apps.outreach.querysets import (
    ContactBudgetQuerySet,
    DispatchQuerySet,
    DispatchRecipientQuerySet,
    GuideNoticeQuerySet,
    MediaUploadQuerySet,
    MessageTemplateQuerySet,
    MomentPostQuerySet,
    ScriptProposalQuerySet,
    ScriptVariantQuerySet,
    SmsMessageQuerySet,
    WelcomeQuerySet,
)


class ContentAsset(models.Model):
    """A page or product that a message can carry; shown to the customer behind a tracked link."""

    title = models.CharField(_("title"), max_length=60)
    summary = models.CharField(_("summary"), max_length=120, blank=True)
    body = models.TextField(_("text"), blank=True)
    url = models.URLField(_("outside address"), blank=True)
    valid_until = models.DateTimeField(_("valid until"), null=True, blank=True)

    class Meta:
        verbose_name = _("content")
        verbose_name_plural = _("content")

    def __str__(self) -> str:
        return self.title


class MessageTemplate(models.Model):
    """话术. `body` may use customer variables; `generic_body` only guide and store variables, for
    one text to many customers. Known variables: `apps.outreach.scripts.VARIABLES`.

    `author` is the guide who wrote it and is named wherever it stands. A script of one `store` is
    offered there alone; without a store it is the chain's."""

    name = models.CharField(_("name"), max_length=60, unique=True)
    body = models.TextField(_("personal text"), max_length=1000)
    generic_body = models.TextField(_("text for everybody"), max_length=1000, blank=True)
    asset = models.ForeignKey(
        ContentAsset,
        on_delete=models.PROTECT,
        related_name="+",
        null=True,
        blank=True,
        verbose_name=_("content"),
    )
    author = models.ForeignKey(
        "stores.Guide",
        on_delete=models.PROTECT,
        related_name="+",
        null=True,
        blank=True,
        verbose_name=_("written by"),
    )
    store = models.ForeignKey(
        "stores.Store",
        on_delete=models.PROTECT,
        related_name="+",
        null=True,
        blank=True,
        verbose_name=_("only in this store"),
    )
    stores_may_edit = models.BooleanField(
        _("stores may change the words"),
        default=False,
        help_text=_("Managers may word it their own way: variables and links stay."),
    )
    is_welcome = models.BooleanField(
        _("welcome message"),
        default=False,
        help_text=_(
            "Its text for everybody goes by itself to whoever adds a guide, within 20 seconds. One "
            "for the chain; a store may have its own."
        ),
    )
    is_active = models.BooleanField(_("active"), default=True)
    created_at = models.DateTimeField(_("created at"), db_default=Now())

    objects = MessageTemplateQuerySet.as_manager()

    class Meta:
        verbose_name = _("script")
        verbose_name_plural = _("scripts")
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(
                fields=["store"],
                condition=Q(is_welcome=True, is_active=True),
                nulls_distinct=False,
                name="outreach_one_welcome",
                violation_error_message=_("There is a welcome message already. Change that one."),
            ),
            models.CheckConstraint(
                condition=Q(is_welcome=False) | ~Q(generic_body=""),
                name="outreach_welcome_has_words",
                violation_error_message=_("A welcome message needs a text for everybody."),
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def words_mark(self) -> str:
        """Changes with the words: who writes instead of them shows which ones were read."""
        words = f"{self.body}\0{self.generic_body}"
        return hashlib.sha256(words.encode()).hexdigest()[:16]


class Attachment(models.Model):
    """What goes out beside a script's words: a link, a picture, a mini program; at most nine."""

    class Kind(models.TextChoices):
        LINK = "link", _("link")
        IMAGE = "image", _("picture")
        MINIPROGRAM = "miniprogram", _("mini program")

    script = models.ForeignKey(
        MessageTemplate,
        on_delete=models.CASCADE,
        related_name="attachments",
        verbose_name=_("script"),
    )
    place = models.PositiveSmallIntegerField(_("place"), default=1)
    kind = models.CharField(_("kind"), max_length=11, choices=Kind.choices, default=Kind.LINK)
    title = models.CharField(_("title"), max_length=60, blank=True)
    summary = models.CharField(_("summary"), max_length=200, blank=True)
    url = models.URLField(_("address"), max_length=2048, blank=True)
    picture_url = models.URLField(
        _("address of its small picture"),
        max_length=2048,
        blank=True,
        help_text=_("Links only. May stay empty: WeCom shows a link sign then."),
    )
    appid = models.CharField(_("mini program's appid"), max_length=40, blank=True)
    page = models.CharField(_("mini program's page"), max_length=255, blank=True)
    picture = models.FileField(
        _("picture"),
        upload_to=attachments.place,
        blank=True,
        help_text=_("JPEG or PNG up to 2 MB; a mini program's cover too."),
    )

    class Meta:
        verbose_name = _("attachment")
        verbose_name_plural = _("attachments")
        ordering = ["place", "pk"]
        constraints = [
            models.CheckConstraint(
                condition=(Q(kind="link", picture="") & ~Q(title="") & ~Q(url=""))
                | (Q(kind="image", url="", picture_url="") & ~Q(picture=""))
                | (
                    Q(kind="miniprogram", url="", picture_url="")
                    & ~Q(Q(title="") | Q(appid="") | Q(page="") | Q(picture=""))
                ),
                name="outreach_attachment_whole",
                violation_error_message=_(
                    "A link needs a title and an address and no picture file; a picture needs its "
                    "file; a mini program a title, appid, page and a picture file. A picture and a "
                    "mini program have no address."
                ),
            ),
        ]

    def __str__(self) -> str:
        return self.title or str(self.get_kind_display())

    def clean(self) -> None:
        """WeCom counts bytes: a Chinese character is three."""
        limits = {"link": attachments.LINK_BYTES, "miniprogram": attachments.MINIPROGRAM_BYTES}
        errors = {
            name: _("At most %(most)s bytes (a Chinese character is 3), these are %(length)s.")
            % {"most": most, "length": len(getattr(self, name).encode())}
            for name, most in limits.get(self.kind, {}).items()
            if len(getattr(self, name).encode()) > most
        }
        if errors:
            raise ValidationError(errors)

    @property
    def piece(self) -> attachments.Piece:
        """What a send keeps of it."""
        names = {
            "link": ("title", "summary", "url", "picture_url"),
            "image": ("title",),
            "miniprogram": ("title", "appid", "page"),
        }[self.kind]
        piece = {"kind": str(self.kind)} | {name: getattr(self, name) for name in names}
        return piece | ({"file": str(self.picture.name)} if self.picture else {})


class MediaUpload(models.Model):
    """The id under which a corp has one of our pictures, until it ends there after three days."""

    corp_id = models.CharField(max_length=40)
    file = models.CharField(max_length=100)
    media_id = models.CharField(max_length=255)
    expires_at = models.DateTimeField(db_index=True)

    objects = MediaUploadQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["corp_id", "file"], name="outreach_media_once")
        ]

    def __str__(self) -> str:
        return f"media_upload:{self.pk}"


class ScriptProposal(models.Model):
    """A guide's own words, offered to the store: the manager takes them or says why not. What a
    store has taken head office may open to the chain, or say why not; the store keeps it then."""

    class State(models.TextChoices):
        WAITING = "waiting", _("waiting for the manager")
        TAKEN = "taken", _("taken into the library")
        REFUSED = "refused", _("not taken")

    class Chain(models.TextChoices):
        OPENED = "opened", _("used by the chain")
        REFUSED = "refused", _("stays with the store")

    guide = models.ForeignKey(
        "stores.Guide", on_delete=models.PROTECT, related_name="+", verbose_name=_("guide")
    )
    store = models.ForeignKey(
        "stores.Store", on_delete=models.PROTECT, related_name="+", verbose_name=_("store")
    )
    client_id = models.UUIDField(unique=True)
    name = models.CharField(_("name"), max_length=30)
    body = models.TextField(_("text"), max_length=1000)
    state = models.CharField(_("state"), max_length=8, choices=State.choices, default=State.WAITING)
    refusal = models.CharField(_("why not"), max_length=200, blank=True)
    reviewed_by = models.CharField(_("decided by"), max_length=40, blank=True)
    reviewed_at = models.DateTimeField(_("decided at"), null=True)
    template = models.OneToOneField(
        MessageTemplate,
        on_delete=models.PROTECT,
        related_name="+",
        null=True,
        verbose_name=_("script"),
    )
    # head office's own word on what a store has taken; empty until then
    chain = models.CharField(_("head office"), max_length=8, choices=Chain.choices, blank=True)
    chain_refusal = models.CharField(_("why not for the chain"), max_length=200, blank=True)
    chain_by = models.CharField(_("decided for the chain by"), max_length=40, blank=True)
    chain_at = models.DateTimeField(_("decided for the chain at"), null=True)
    created_at = models.DateTimeField(_("created at"))

    objects = ScriptProposalQuerySet.as_manager()

    class Meta:
        verbose_name = _("proposed script")
        verbose_name_plural = _("proposed scripts")
        ordering = ["-id"]
        indexes = [
            models.Index(
                fields=["store"], condition=Q(state="waiting"), name="outreach_proposal_waiting"
            ),
            models.Index(fields=["guide", "-id"], name="outreach_proposal_guide"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(state="waiting", reviewed_at=None, template=None)
                | Q(state="taken", reviewed_at__isnull=False, template__isnull=False)
                | (Q(state="refused", reviewed_at__isnull=False, template=None) & ~Q(refusal="")),
                name="outreach_proposal_decided_whole",
            ),
            models.CheckConstraint(
                condition=Q(chain="", chain_at=None, chain_refusal="")
                | Q(chain="opened", state="taken", chain_at__isnull=False, chain_refusal="")
                | Q(chain="refused", state="taken", chain_at__isnull=False) & ~Q(chain_refusal=""),
                name="outreach_proposal_chain_whole",
            ),
        ]

    def __str__(self) -> str:
        return f"script_proposal:{self.pk}"

    @property
    def source(self) -> str:
        return f"script_proposal:{self.pk}"


class ScriptVariant(models.Model):
    """A store's own wording of head office's script.

    It stands in for exactly the words it was made from: where a push or the script itself says
    something else by now, that is what guides read. Head office may withdraw it; its row stays.
    """

    script = models.ForeignKey(
        MessageTemplate,
        on_delete=models.CASCADE,
        related_name="variants",
        verbose_name=_("script"),
        db_index=False,
    )
    store = models.ForeignKey(
        "stores.Store", on_delete=models.PROTECT, related_name="+", verbose_name=_("store")
    )
    body = models.TextField(_("personal text"), max_length=1000)
    generic_body = models.TextField(_("text for everybody"), max_length=1000, blank=True)
    # head office's words that it stands in for
    base_body = models.TextField()
    base_generic_body = models.TextField(blank=True)
    written_by = models.CharField(_("written by"), max_length=40)
    since = models.DateTimeField(_("in use since"))
    withdrawn_at = models.DateTimeField(_("withdrawn at"), null=True)
    withdrawn_by = models.CharField(_("withdrawn by"), max_length=40, blank=True)
    why = models.CharField(_("why withdrawn"), max_length=200, blank=True)

    objects = ScriptVariantQuerySet.as_manager()

    class Meta:
        verbose_name = _("store's wording")
        verbose_name_plural = _("stores' wordings")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["script", "store"], name="outreach_variant_once"),
            models.CheckConstraint(
                condition=Q(withdrawn_at=None, why="")
                | (Q(withdrawn_at__isnull=False) & ~Q(withdrawn_by="")),
                name="outreach_variant_withdrawn_whole",
            ),
        ]

    def __str__(self) -> str:
        return f"script_variant:{self.pk}"


class Dispatch(LeasedModel):
    """One intended effect on customers: a mass-send task in the name of one guide.

    States only move forward. `handed_over` = WeCom has the task and the guide must confirm on the
    phone; `sent` = the guide confirmed; results per customer stand on the receivers. `unknown` =
    the reply to our call was lost and WeCom's list did not settle it: a person decides, it is
    never repeated blindly. `call_started_at` is committed right before the call: a lease that
    expired without it never reached WeCom.
    """

    class Kind(models.TextChoices):
        MASS_SEND = "mass_send", _("mass send")

    class State(models.TextChoices):
        PLANNED = "planned", _("planned")
        HELD = "held", _("held until allowed hours")
        SUPPRESSED = "suppressed", _("suppressed")
        LEASED = "leased", _("being handed over")
        HANDED_OVER = "handed_over", _("waiting for the guide's confirmation")
        SENT = "sent", _("sent")
        DELIVERED = "delivered", _("delivered")
        FAILED = "failed", _("failed")
        UNKNOWN = "unknown", _("unknown")
        EXPIRED = "expired", _("expired")

    kind = models.CharField(_("kind"), max_length=12, choices=Kind.choices, default=Kind.MASS_SEND)
    idem_key = models.CharField(max_length=120, unique=True)
    source = models.CharField(_("source"), max_length=80, db_index=True)
    corp_id = models.CharField(_("corp id"), max_length=40)
    guide = models.ForeignKey(
        "stores.Guide", on_delete=models.PROTECT, related_name="+", verbose_name=_("sender")
    )
    text = models.TextField(_("text"))
    # as they were when it was asked for: see `attachments`
    attachments = models.JSONField(_("attachments"), default=list, blank=True)
    marketing = models.BooleanField(
        _("marketing"), default=True, help_text=_("Marketing needs the customer's consent.")
    )
    state = models.CharField(
        _("state"), max_length=12, choices=State.choices, default=State.PLANNED
    )
    reason = models.CharField(_("reason"), max_length=200, blank=True)
    not_before = models.DateTimeField(_("not before"))
    expires_at = models.DateTimeField(_("expires at"))
    # chain-local; a late worker hands nothing over outside them. Empty = any hour
    contact_from = models.TimeField(_("contact customers from"), null=True)
    contact_until = models.TimeField(_("contact customers until"), null=True)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    call_started_at = models.DateTimeField(null=True)
    msgid = models.CharField(_("WeCom message id"), max_length=80, blank=True)
    handed_over_at = models.DateTimeField(_("handed over at"), null=True)
    sent_at = models.DateTimeField(_("sent at"), null=True)
    unknown_since = models.DateTimeField(_("unknown since"), null=True)
    looks = models.PositiveSmallIntegerField(_("looked up"), default=0)
    next_poll_at = models.DateTimeField(_("next poll"), null=True)
    polls = models.PositiveSmallIntegerField(_("polls"), default=0)
    created_by = models.CharField(_("created by"), max_length=40, default="system")
    created_at = models.DateTimeField(_("created at"), db_default=Now())

    objects = DispatchQuerySet.as_manager()

    class Meta:
        verbose_name = _("send")
        verbose_name_plural = _("sends")
        indexes = [
            models.Index(
                fields=["not_before"],
                condition=Q(state__in=["planned", "held", "leased"]),
                name="outreach_dispatch_queue",
            ),
            models.Index(fields=["guide", "-created_at"], name="outreach_dispatch_guide"),
            models.Index(
                fields=["next_poll_at"],
                condition=Q(next_poll_at__isnull=False),
                name="outreach_dispatch_polls",
            ),
            models.Index(
                fields=["unknown_since"],
                condition=Q(state="unknown"),
                name="outreach_dispatch_unknown",
            ),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["corp_id", "msgid"], condition=~Q(msgid=""), name="outreach_msgid_once"
            ),
            models.CheckConstraint(
                condition=Q(expires_at__gte=F("not_before")), name="outreach_expires_after_start"
            ),
        ]

    def __str__(self) -> str:
        return f"dispatch:{self.pk}"


class SendReminder(LeasedModel):
    """催办 of one send in WeCom itself: its members who have not confirmed are nudged once more.

    WeCom takes three for a send in 24 hours. A row first, one call; if the answer is lost nobody
    calls again: one nudge too few harms nobody.
    """

    class State(models.TextChoices):
        QUEUED = "queued", _("queued")
        REMINDED = "reminded", pgettext_lazy("reminder", "reminded")
        NOT_NEEDED = "not_needed", pgettext_lazy("reminder", "not needed any more")
        REFUSED = "refused", pgettext_lazy("reminder", "refused by WeCom")
        UNKNOWN = "unknown", _("unknown")

    dispatch = models.ForeignKey(
        Dispatch, on_delete=models.CASCADE, related_name="+", verbose_name=_("send")
    )
    wave = models.CharField(max_length=80)
    state = models.CharField(_("state"), max_length=10, choices=State.choices, default=State.QUEUED)
    reason = models.CharField(_("reason"), max_length=200, blank=True)
    not_before = models.DateTimeField(_("not before"))
    call_started_at = models.DateTimeField(null=True)
    created_by = models.CharField(_("created by"), max_length=40)
    created_at = models.DateTimeField(_("created at"))

    class Meta:
        verbose_name = _("reminder of a send")
        verbose_name_plural = _("reminders of sends")
        indexes = [
            models.Index(
                fields=["not_before"], condition=Q(state="queued"), name="outreach_reminder_queue"
            )
        ]
        constraints = [
            models.UniqueConstraint(fields=["dispatch", "wave"], name="outreach_reminder_once")
        ]

    def __str__(self) -> str:
        return f"send_reminder:{self.pk}"


class DispatchRecipient(models.Model):
    """One customer of a send, with WeCom's word on it. At most one undecided receiver per source:
    a target cannot be written to twice by two taps."""

    class State(models.TextChoices):
        WAITING = "waiting", _("waiting for WeCom")
        DELIVERED = "delivered", _("delivered")
        NOT_FRIEND = "not_friend", _("not a friend")
        OVER_LIMIT = "over_limit", _("monthly limit reached")
        REFUSED = "refused", _("refused by WeCom")
        NOT_SENT = "not_sent", _("never sent")

    dispatch = models.ForeignKey(
        Dispatch, on_delete=models.CASCADE, related_name="recipients", verbose_name=_("send")
    )
    member = models.ForeignKey(
        "members.Member", on_delete=models.PROTECT, related_name="+", verbose_name=_("member")
    )
    external_userid = models.CharField(_("external id"), max_length=64)
    source = models.CharField(_("source"), max_length=80)
    state = models.CharField(
        _("state"), max_length=12, choices=State.choices, default=State.WAITING
    )
    refusal = models.CharField(_("refusal"), max_length=20, blank=True)
    reason = models.CharField(_("reason"), max_length=200, blank=True)
    result_at = models.DateTimeField(_("result at"), null=True)
    applied_at = models.DateTimeField(null=True)
    budget_month = models.DateField(null=True)
    sender_userid = models.CharField(_("really sent by"), max_length=64, blank=True)

    objects = DispatchRecipientQuerySet.as_manager()

    class Meta:
        verbose_name = _("receiver")
        verbose_name_plural = _("receivers")
        indexes = [
            models.Index(fields=["member", "-result_at"], name="outreach_recipient_member"),
            models.Index(
                fields=["id"],
                condition=Q(applied_at=None) & ~Q(state="waiting"),
                name="outreach_recipient_untold",
            ),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["dispatch", "external_userid"], name="outreach_recipient_once"
            ),
            models.UniqueConstraint(
                fields=["source"], condition=Q(state="waiting"), name="outreach_one_undecided_send"
            ),
        ]

    def __str__(self) -> str:
        return f"dispatch_recipient:{self.pk}"


class ContactBudget(models.Model):
    """How many mass sends a member's WeCom account has received from us in a month (chain time)."""

    member = models.ForeignKey(
        "members.Member", on_delete=models.CASCADE, related_name="+", verbose_name=_("member")
    )
    month = models.DateField(_("month"))
    used = models.PositiveSmallIntegerField(_("used"), default=0)

    objects = ContactBudgetQuerySet.as_manager()

    class Meta:
        verbose_name = _("contact budget")
        verbose_name_plural = _("contact budgets")
        constraints = [
            models.UniqueConstraint(fields=["member", "month"], name="outreach_budget_once")
        ]

    def __str__(self) -> str:
        return f"budget member:{self.member_id} {self.month:%Y-%m}"


class GuideNotice(LeasedModel):
    """A card in a guide's WeCom. Shows on lock screens: a count and a due time, never a customer's
    name."""

    class State(models.TextChoices):
        QUEUED = "queued", _("queued")
        SENT = "sent", _("sent")
        FAILED = "failed", _("failed")

    guide = models.ForeignKey(
        "stores.Guide", on_delete=models.PROTECT, related_name="+", verbose_name=_("guide")
    )
    source = models.CharField(_("source"), max_length=80)
    title = models.CharField(_("title"), max_length=128)
    body = models.CharField(_("text"), max_length=512)
    path = models.CharField(_("page"), max_length=200)
    state = models.CharField(_("state"), max_length=8, choices=State.choices, default=State.QUEUED)
    not_before = models.DateTimeField(_("not before"))
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    reason = models.CharField(_("reason"), max_length=200, blank=True)
    sent_at = models.DateTimeField(_("sent at"), null=True)
    created_at = models.DateTimeField(_("created at"), db_default=Now())
    # the guide is to say that they know; by `task_id` WeCom names the card whose button was pressed
    with_button = models.BooleanField(db_default=False, editable=False)
    task_id = models.CharField(max_length=64, blank=True, db_default="", editable=False)
    acknowledged_at = models.DateTimeField(_("acknowledged at"), null=True)

    objects = GuideNoticeQuerySet.as_manager()

    class Meta:
        verbose_name = _("notice")
        verbose_name_plural = _("notices")
        indexes = [
            BrinIndex(fields=["created_at"], name="outreach_notice_created"),
            models.Index(
                fields=["not_before"], condition=Q(state="queued"), name="outreach_notice_queue"
            ),
        ]
        constraints = [
            models.UniqueConstraint(fields=["guide", "source"], name="outreach_notice_once"),
            models.UniqueConstraint(
                fields=["task_id", "guide"],
                condition=~Q(task_id=""),
                name="outreach_notice_one_card",
            ),
        ]

    def __str__(self) -> str:
        return f"notice:{self.pk}"


class ButtonAnswer(LeasedModel):
    """What the card says once its button was pressed: one call with the code of that press.

    The code works once, so a repeated call does nothing twice. A card that keeps its button harms
    nobody: the press itself is kept with the notice.
    """

    class State(models.TextChoices):
        QUEUED = "queued", _("queued")
        SHOWN = "shown", pgettext_lazy("button", "shown")
        FAILED = "failed", _("failed")

    notice = models.OneToOneField(
        GuideNotice, on_delete=models.CASCADE, related_name="answer", verbose_name=_("notice")
    )
    response_code = models.CharField(max_length=200, editable=False)
    state = models.CharField(_("state"), max_length=8, choices=State.choices, default=State.QUEUED)
    not_before = models.DateTimeField(_("not before"))
    expires_at = models.DateTimeField(_("expires at"))
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    reason = models.CharField(_("reason"), max_length=200, blank=True)

    class Meta:
        verbose_name = _("answer on a card")
        verbose_name_plural = _("answers on cards")
        indexes = [
            models.Index(
                fields=["not_before"], condition=Q(state="queued"), name="outreach_answer_queue"
            )
        ]

    def __str__(self) -> str:
        return f"answer:{self.pk}"


class Welcome(LeasedModel):
    """The first words to a new friend, which WeCom takes for 20 seconds after it told us.

    `code` is WeCom's leave to say them, once. `unknown` = the reply to our call was lost: it is not
    repeated, the guide sees in the chat. Late ones are `missed`, and the guide says hello instead.
    """

    class State(models.TextChoices):
        QUEUED = "queued", _("queued")
        SENT = "sent", _("sent")
        MISSED = "missed", _("missed")
        TAKEN = "taken", _("welcomed by another app")
        FAILED = "failed", _("refused by WeCom")
        UNKNOWN = "unknown", _("unknown")
        NO_WORDS = "no_words", _("no wording set")

    corp_id = models.CharField(_("corp id"), max_length=40)
    code = models.CharField(max_length=200, editable=False)
    guide = models.ForeignKey(
        "stores.Guide", on_delete=models.PROTECT, related_name="+", verbose_name=_("guide")
    )
    external_userid = models.CharField(_("customer in WeCom"), max_length=64)
    source = models.CharField(_("source"), max_length=64, blank=True)
    text = models.TextField(_("text"), blank=True)
    attachments = models.JSONField(_("attachments"), default=list)
    state = models.CharField(_("state"), max_length=8, choices=State.choices, default=State.QUEUED)
    reason = models.CharField(_("reason"), max_length=200, blank=True)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    told_at = models.DateTimeField(_("added at"))
    expires_at = models.DateTimeField(_("possible until"))
    not_before = models.DateTimeField(_("not before"))
    call_started_at = models.DateTimeField(null=True, editable=False)
    sent_at = models.DateTimeField(_("sent at"), null=True)

    objects = WelcomeQuerySet.as_manager()

    class Meta:
        verbose_name = _("welcome to a new friend")
        verbose_name_plural = _("welcomes to new friends")
        ordering = ["-told_at", "-pk"]
        indexes = [
            models.Index(
                fields=["expires_at"], condition=Q(state="queued"), name="outreach_welcome_queue"
            ),
            models.Index(fields=["-told_at"], name="outreach_welcome_told"),
            models.Index(
                fields=["told_at"],
                condition=Q(state__in=["missed", "failed", "unknown"]),
                name="outreach_welcome_unsaid",
            ),
            models.Index(fields=["guide", "external_userid"], name="outreach_welcome_pair"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["corp_id", "code"], name="outreach_welcome_once"),
        ]

    def __str__(self) -> str:
        return f"welcome:{self.pk}"


def new_link_code() -> str:
    return secrets.token_urlsafe(9)


class TrackedLink(models.Model):
    """A link in a message. Made per dispatch before the text is rendered, so its code also
    identifies the send in WeCom's own list when a reply was lost."""

    code = models.CharField(max_length=16, unique=True, default=new_link_code)
    asset = models.ForeignKey(
        ContentAsset,
        on_delete=models.PROTECT,
        related_name="+",
        null=True,
        verbose_name=_("content"),
    )
    dispatch = models.ForeignKey(
        Dispatch, on_delete=models.CASCADE, related_name="+", null=True, verbose_name=_("send")
    )
    # who shared it by hand, when no send carries it
    guide = models.ForeignKey(
        "stores.Guide",
        on_delete=models.PROTECT,
        related_name="+",
        null=True,
        verbose_name=_("shared by"),
        db_index=False,
    )
    source = models.CharField(_("source"), max_length=80, db_index=True)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        verbose_name = _("tracked link")
        verbose_name_plural = _("tracked links")

    def __str__(self) -> str:
        return f"tracked_link:{self.pk}"


class LinkClick(LeasedModel):
    """A tap on a tracked link. Identified by WeCom OAuth it becomes proof; anonymous it only
    counts."""

    link = models.ForeignKey(
        TrackedLink, on_delete=models.CASCADE, related_name="+", verbose_name=_("link")
    )
    recipient = models.ForeignKey(
        DispatchRecipient,
        on_delete=models.CASCADE,
        related_name="+",
        null=True,
        verbose_name=_("receiver"),
    )
    clicked_at = models.DateTimeField(_("clicked at"))
    handled_at = models.DateTimeField(_("handled at"), null=True)

    class Meta:
        verbose_name = _("click")
        verbose_name_plural = _("clicks")
        indexes = [
            models.Index(
                fields=["id"],
                condition=Q(handled_at=None, recipient__isnull=False),
                name="outreach_click_queue",
            )
        ]

    def __str__(self) -> str:
        return f"link_click:{self.pk}"


class SmsMessage(LeasedModel):
    """One SMS that should leave us. The number and the words are sealed, and gone once it is over:
    what stays is that a message of this kind went to this keyed number, and when."""

    class Kind(models.TextChoices):
        CODE = "code", _("verification code")

    class State(models.TextChoices):
        QUEUED = "queued", _("queued")
        SENT = "sent", _("sent")
        FAILED = "failed", _("failed")
        EXPIRED = "expired", _("expired")

    idem_key = models.CharField(max_length=80, unique=True)
    kind = models.CharField(_("kind"), max_length=12, choices=Kind.choices)
    phone_key = models.BinaryField(max_length=16, editable=False)
    phone_enc = models.BinaryField(null=True, editable=False)
    body_enc = models.BinaryField(null=True, editable=False)
    state = models.CharField(_("state"), max_length=8, choices=State.choices, default=State.QUEUED)
    not_before = models.DateTimeField(_("not before"))
    expires_at = models.DateTimeField(_("expires at"))
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    provider_id = models.CharField(_("provider's number"), max_length=80, blank=True)
    reason = models.CharField(_("reason"), max_length=200, blank=True)
    sent_at = models.DateTimeField(_("sent at"), null=True)
    created_at = models.DateTimeField(_("created at"), db_default=Now())

    objects = SmsMessageQuerySet.as_manager()

    class Meta:
        verbose_name = _("SMS")
        verbose_name_plural = _("SMS")
        indexes = [
            models.Index(
                fields=["not_before"], condition=Q(state="queued"), name="outreach_sms_queue"
            )
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(state="queued", phone_enc__isnull=False, body_enc__isnull=False)
                | (~Q(state="queued") & Q(phone_enc=None, body_enc=None)),
                name="outreach_sms_sealed_while_queued",
            )
        ]

    def __str__(self) -> str:
        return f"sms:{self.pk}"


class MomentPost(LeasedModel):
    """A post for customers' moments (朋友圈) that each guide confirms on the phone.

    `queued` until WeCom took the job; `made` once the post exists there. `unknown` = the reply to
    our call was lost and WeCom's list did not settle it: nothing is made a second time.
    """

    class State(models.TextChoices):
        QUEUED = "queued", _("queued")
        HANDED_OVER = "handed_over", _("handed over")
        MADE = "made", _("made in WeCom")
        FAILED = "failed", _("failed")
        UNKNOWN = "unknown", _("unknown")
        CLOSED = "closed", _("closed")

    source = models.CharField(_("source"), max_length=60)
    corp_id = models.CharField(_("corp id"), max_length=40)
    text = models.CharField(_("text"), max_length=2000)
    userids = models.JSONField(_("senders"))
    state = models.CharField(_("state"), max_length=12, choices=State.choices, default=State.QUEUED)
    jobid = models.CharField(max_length=64, blank=True)
    moment_id = models.CharField(max_length=64, blank=True)
    reason = models.CharField(_("reason"), max_length=200, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    call_started_at = models.DateTimeField(null=True)
    not_before = models.DateTimeField(_("not before"))
    closes_at = models.DateTimeField(_("asked about until"))
    unknown_since = models.DateTimeField(_("unknown since"), null=True)

    objects = MomentPostQuerySet.as_manager()

    class Meta:
        verbose_name = _("moments post")
        verbose_name_plural = _("moments posts")
        indexes = [
            models.Index(
                fields=["not_before"],
                condition=models.Q(state__in=["queued", "handed_over", "made"]),
                name="outreach_moment_due",
            )
        ]
        constraints = [
            models.UniqueConstraint(fields=["source", "corp_id"], name="outreach_moment_once")
        ]

    def __str__(self) -> str:
        return f"moment of {self.source}"
