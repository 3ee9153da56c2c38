"""What the customers' own pages keep: texts of consents, codes to a phone, requests about one's
data."""

import uuid

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from apps.core.models import Outgoing
from apps.member_portal.querysets import ContactCodeQuerySet, DataRequestQuerySet, OfPersonQuerySet
from apps.members.models import Consent


class ConsentText(models.Model):
    """The words a customer agrees to. Published once and never changed: a new text is a new
    version, and every consent names the version it was given to."""

    purpose = models.CharField(_("purpose"), max_length=20, choices=Consent.Purpose.choices)
    version = models.CharField(_("version"), max_length=20)
    title = models.CharField(_("title"), max_length=40)
    body = models.TextField(_("text"), max_length=2000)
    valid_from = models.DateTimeField(_("valid from"))

    class Meta:
        verbose_name = _("consent text")
        verbose_name_plural = _("consent texts")
        ordering = ["purpose", "-valid_from"]
        constraints = [
            models.UniqueConstraint(
                fields=["purpose", "version"], name="member_portal_text_version_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.title} {self.version}"


class PhoneCode(models.Model):
    """A code on its way to a phone, and what its owner wants to do with it.

    The code is kept as a keyed hash, five minutes, for one use. A code for a sign-in is made for
    unknown numbers too (and goes nowhere), so that nobody learns who is a member.
    """

    class Purpose(models.TextChoices):
        JOIN = "join", _("joining")
        SIGN_IN = "sign_in", _("signing in")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    purpose = models.CharField(_("purpose"), max_length=8, choices=Purpose.choices)
    phone_key = models.BinaryField(max_length=16, editable=False)
    phone_enc = models.BinaryField(editable=False)
    code_hash = models.BinaryField(max_length=32, editable=False)
    guide_id = models.BigIntegerField(null=True)
    store_id = models.BigIntegerField(null=True)
    draft_id = models.BigIntegerField(null=True)
    consents = models.JSONField(default=list)
    made_at = models.DateTimeField(_("made at"))
    expires_at = models.DateTimeField(_("expires at"))
    tries = models.PositiveSmallIntegerField(_("wrong tries"), default=0)
    failed_at = models.DateTimeField(_("last wrong try"), null=True)
    used_at = models.DateTimeField(_("used at"), null=True)

    objects = OfPersonQuerySet.as_manager()

    class Meta:
        verbose_name = _("verification code")
        verbose_name_plural = _("verification codes")
        indexes = [
            models.Index(fields=["phone_key", "-made_at"], name="member_portal_code_phone"),
            models.Index(fields=["made_at"], name="member_portal_code_age"),
        ]

    def __str__(self) -> str:
        return f"phone_code:{self.pk}"


class ContactCode(Outgoing):
    """联系我: a WeCom code by which this member adds this guide.

    It is the member's own, so its `state` tells who the new friend is: friend and member stay one
    person. Made by a job; a lost answer leaves an unused code with WeCom, which harms nobody.
    """

    class State(models.TextChoices):
        WANTED = "wanted", _("wanted")
        MADE = "made", _("made")
        FAILED = "failed", _("failed")
        REMOVED = "removed", _("removed")

    member = models.ForeignKey(
        "members.Member", on_delete=models.CASCADE, related_name="+", verbose_name=_("member")
    )
    guide = models.ForeignKey(
        "stores.Guide", on_delete=models.PROTECT, related_name="+", verbose_name=_("guide")
    )
    token = models.CharField(max_length=24, unique=True)
    state = models.CharField(_("state"), max_length=8, choices=State.choices, default=State.WANTED)
    config_id = models.CharField(max_length=64, blank=True)
    address = models.CharField(max_length=300, blank=True)
    made_at = models.DateTimeField(_("made at"), null=True)

    objects = ContactCodeQuerySet.as_manager()

    class Meta:
        verbose_name = _("contact code")
        verbose_name_plural = _("contact codes")
        indexes = [
            models.Index(
                fields=["not_before"], condition=Q(state="wanted"), name="member_portal_code_queue"
            ),
            models.Index(
                fields=["made_at"], condition=Q(state="made"), name="member_portal_code_made"
            ),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["member", "guide"],
                condition=~Q(state="removed"),
                name="member_portal_one_code",
            )
        ]

    def __str__(self) -> str:
        return f"contact_code:{self.pk}"


class DataRequest(models.Model):
    """What a member asks about their own data, with the day by which it has to be answered."""

    class Kind(models.TextChoices):
        COPY = "copy", _("copy of my data")
        ERASE = "erase", _("delete my data")

    class State(models.TextChoices):
        OPEN = "open", _("open")
        DONE = "done", _("done")
        REFUSED = "refused", _("refused")
        TAKEN_BACK = "taken_back", _("taken back")

    member = models.ForeignKey(
        "members.Member", on_delete=models.CASCADE, related_name="+", verbose_name=_("member")
    )
    kind = models.CharField(_("kind"), max_length=8, choices=Kind.choices)
    state = models.CharField(_("state"), max_length=12, choices=State.choices, default=State.OPEN)
    client_id = models.UUIDField(_("client id"), unique=True)
    asked_at = models.DateTimeField(_("asked at"))
    due_on = models.DateField(_("answer due by"))
    settled_at = models.DateTimeField(_("settled at"), null=True, blank=True)
    settled_by = models.CharField(_("settled by"), max_length=40, blank=True)
    answer = models.CharField(_("answer to the member"), max_length=200, blank=True)
    proof = models.JSONField(_("what was erased and kept"), default=dict, blank=True)

    objects = DataRequestQuerySet.as_manager()

    class Meta:
        verbose_name = _("data request")
        verbose_name_plural = _("data requests")
        ordering = ["due_on", "pk"]
        indexes = [
            models.Index(
                fields=["due_on"], condition=Q(state="open"), name="member_portal_request_due"
            )
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["member", "kind"],
                condition=Q(state="open"),
                name="member_portal_one_open_request",
            ),
            models.CheckConstraint(
                condition=Q(state="open", settled_at=None)
                | (~Q(state="open") & Q(settled_at__isnull=False)),
                name="member_portal_request_settled",
            ),
        ]

    def __str__(self) -> str:
        return f"data_request:{self.pk}"
