from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from apps.core import clock
from apps.core.models import LeasedModel, TimestampedModel
from apps.wecom.querysets import RawCallbackQuerySet


class Corp(TimestampedModel):
    """One WeCom tenant. A chain may have several."""

    corp_id = models.CharField(_("corp id"), max_length=64, unique=True)
    name = models.CharField(_("corp name"), max_length=100)
    contact_secret_enc = models.BinaryField(null=True, blank=True, editable=False)
    contact_secret_set_at = models.DateTimeField(
        _("contact sync secret set on"), null=True, blank=True, editable=False
    )
    is_active = models.BooleanField(_("active"), default=True)

    class Meta:
        verbose_name = _("WeCom corp")
        verbose_name_plural = _("WeCom corps")
        ordering = ["pk"]

    def __str__(self) -> str:
        return self.name


class CorpApp(TimestampedModel):
    """A self-built app of a corp: its agent id and the secret that gets tokens."""

    class Kind(models.TextChoices):
        CUSTOMER_CONTACT = "customer_contact", _("Customer contact")
        OTHER = "other", _("Other")

    corp = models.ForeignKey(
        Corp, on_delete=models.PROTECT, related_name="apps", verbose_name=_("WeCom corp")
    )
    agent_id = models.BigIntegerField(_("agent id"))
    name = models.CharField(_("app name"), max_length=100)
    kind = models.CharField(_("kind"), max_length=20, choices=Kind, default=Kind.CUSTOMER_CONTACT)
    secret_enc = models.BinaryField(editable=False)
    secret_set_at = models.DateTimeField(_("secret set on"), default=clock.now, editable=False)

    class Meta:
        verbose_name = _("WeCom app")
        verbose_name_plural = _("WeCom apps")
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["corp", "agent_id"], name="wecom_one_app_per_agent"),
        ]

    def __str__(self) -> str:
        return self.name


class CallbackEndpoint(TimestampedModel):
    """Where WeCom posts to. The slug is the address and unique over all corps."""

    class Entered(models.TextChoices):
        TOKEN = "url_token", "Token"
        AES_KEY = "url_aes_key", "EncodingAESKey"
        CORP = "url_corp", "CorpID"

    slug = models.SlugField(_("callback slug"), unique=True)
    corp = models.ForeignKey(
        Corp, on_delete=models.PROTECT, related_name="endpoints", verbose_name=_("WeCom corp")
    )
    app = models.ForeignKey(
        CorpApp,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="endpoints",
        verbose_name=_("WeCom app"),
    )
    token_enc = models.BinaryField(editable=False)
    aes_key_enc = models.BinaryField(editable=False)
    keys_set_at = models.DateTimeField(_("keys set on"), default=clock.now, editable=False)
    verified_at = models.DateTimeField(
        _("checked by WeCom at"), null=True, blank=True, editable=False
    )
    # which of the three that were entered at WeCom was wrong when it last checked the address
    refused_for = models.CharField(
        max_length=12, choices=Entered.choices, db_default="", blank=True, editable=False
    )
    receive_id = models.CharField(
        _("receiver id"),
        max_length=64,
        blank=True,
        help_text=_("The corp id for a corp's own apps, the suite id for suite events."),
    )

    class Meta:
        verbose_name = _("Callback address")
        verbose_name_plural = _("Callback addresses")
        ordering = ["pk"]

    def __str__(self) -> str:
        return self.slug


class ConnectionCheck(models.Model):
    """The last answer to one step of going live, of one app. `detail` holds figures and ids."""

    class Step(models.TextChoices):
        VERIFIED = "verified", _("Verified corp")
        SECRET = "secret", _("Corp id and secret")
        ADDRESS = "address", _("Trusted IP")
        AGENT = "agent", _("App")
        CALLABLE = "callable", _("App may call customer contact")
        DOMAIN = "domain", _("Trusted domain")
        SIGN_IN = "sign_in", _("Sign-in through WeCom")
        CALLBACK = "callback", _("Callback address")
        RANGE = "range", _("Visible range covers every guide")
        PERMISSION = "permission", _("Guides may have customers")
        QUOTA = "quota", _("Friend quota left")

    class State(models.TextChoices):
        OPEN = "open", _("not checked yet")
        OK = "ok", _("in order")
        WARN = "warn", _("not yet")
        BAD = "bad", _("needs you")

    app = models.ForeignKey(
        CorpApp, on_delete=models.CASCADE, related_name="checks", verbose_name=_("WeCom app")
    )
    step = models.CharField(_("step"), max_length=12, choices=Step)
    state = models.CharField(_("state"), max_length=5, choices=State)
    code = models.CharField(_("code"), max_length=40, blank=True)
    detail = models.JSONField(_("detail"), default=dict)
    checked_at = models.DateTimeField(_("checked at"))
    checked_by = models.CharField(_("checked by"), max_length=80)

    class Meta:
        verbose_name = _("Connection check")
        verbose_name_plural = _("Connection checks")
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["app", "step"], name="wecom_one_check_per_step"),
        ]

    def __str__(self) -> str:
        return self.step


class RawCallback(LeasedModel):
    """The inbox: what WeCom told us, stored before it was answered, interpreted by a job after.

    `fields` are the decrypted fields without those that describe a person (they are re-read by id,
    as WeCom advises); `key` was computed over all of them.
    """

    class Status(models.TextChoices):
        RECEIVED = "received", _("Waiting to be handled")
        PROCESSING = "processing", _("Being processed")
        DONE = "done", _("Handled")
        IGNORED = "ignored", _("Not for us")
        DEAD = "dead", _("Given up")

    key = models.BinaryField(unique=True, max_length=32, editable=False)
    endpoint = models.ForeignKey(
        CallbackEndpoint,
        on_delete=models.PROTECT,
        related_name="callbacks",
        verbose_name=_("Callback address"),
    )
    event = models.CharField(_("WeCom event"), max_length=64)
    change_type = models.CharField(_("change type"), max_length=64, blank=True)
    fields = models.JSONField(_("callback fields"))
    created_by_wecom_at = models.DateTimeField(_("happened at"), null=True, blank=True)
    received_at = models.DateTimeField(_("received at"), db_default=Now())
    status = models.CharField(
        _("status"), max_length=12, choices=Status, db_default=Status.RECEIVED
    )
    # its welcome code waits for somebody to take it out; never more than a few rows
    greets = models.BooleanField(db_default=False, editable=False)
    attempts = models.PositiveSmallIntegerField(_("attempts"), db_default=0)
    not_before = models.DateTimeField(_("next attempt"), db_default=Now())
    last_error = models.CharField(_("last error"), max_length=200, blank=True, db_default="")
    handled_at = models.DateTimeField(_("handled at"), null=True, blank=True)

    objects = RawCallbackQuerySet.as_manager()

    class Meta:
        verbose_name = _("Received callback")
        verbose_name_plural = _("Received callbacks")
        ordering = ["-pk"]
        indexes = [
            models.Index(
                fields=["not_before"],
                name="wecom_callback_waiting",
                condition=models.Q(status__in=["received", "processing"]),
            ),
            models.Index(fields=["received_at"], name="wecom_callback_received"),
            models.Index(
                fields=["last_error"],
                name="wecom_callback_dead",
                condition=models.Q(status="dead"),
            ),
            models.Index(
                fields=["id"], name="wecom_callback_greets", condition=models.Q(greets=True)
            ),
        ]
        constraints = [
            models.CheckConstraint(
                name="wecom_callback_handled_when_over",
                condition=models.Q(status__in=["done", "ignored"], handled_at__isnull=False)
                | (models.Q(handled_at__isnull=True) & ~models.Q(status__in=["done", "ignored"])),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.event} {self.change_type}".strip()
