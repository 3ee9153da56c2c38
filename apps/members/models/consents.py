"""What a member agreed to, and who is left alone."""

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from apps.members.models.identities import Member
from apps.members.querysets import ConsentQuerySet, StopMarkQuerySet


class Consent(models.Model):
    """A purpose-wise permission: given when, how and to which text; withdrawn when. Never
    deleted."""

    class Purpose(models.TextChoices):
        MEMBERSHIP = "membership", _("membership service")
        SMS_MARKETING = "sms_marketing", _("SMS marketing")
        WECOM_MARKETING = "wecom_marketing", _("WeCom marketing")
        PROFILING = "profiling", _("profiling and personalisation")
        THIRD_PARTY = "third_party", _("giving data to others")
        ARCHIVE = "archive", _("conversation archive")
        BIRTHDAY = "birthday", _("birthday greetings")

    # the channels of our own pages: whoever agreed to membership there was asked all the rest too
    OWN_PAGES = ("join_page", "member_page")

    member = models.ForeignKey(
        Member, on_delete=models.CASCADE, related_name="+", verbose_name=_("member")
    )
    purpose = models.CharField(_("purpose"), max_length=20, choices=Purpose.choices)
    text_version = models.CharField(_("text version"), max_length=20)
    channel = models.CharField(_("channel"), max_length=40)
    given_at = models.DateTimeField(_("given at"))
    withdrawn_at = models.DateTimeField(_("withdrawn at"), null=True, blank=True)
    withdrawn_channel = models.CharField(_("withdrawn through"), max_length=40, blank=True)

    objects = ConsentQuerySet.as_manager()

    class Meta:
        verbose_name = _("consent")
        verbose_name_plural = _("consents")
        constraints = [
            models.UniqueConstraint(
                fields=["member", "purpose"],
                condition=Q(withdrawn_at=None),
                name="members_consent_one_valid",
            ),
            models.CheckConstraint(
                condition=Q(withdrawn_at=None) | Q(withdrawn_at__gte=F("given_at")),
                name="members_consent_withdrawn_after_given",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.purpose} of member:{self.member_id}"


class StopMark(models.Model):
    """客户要求不再联系: beats every push while it stands."""

    member = models.ForeignKey(
        Member, on_delete=models.CASCADE, related_name="+", verbose_name=_("member")
    )
    since = models.DateTimeField(_("since"))
    until = models.DateTimeField(_("until"), null=True, blank=True)
    source = models.CharField(_("source"), max_length=80)

    objects = StopMarkQuerySet.as_manager()

    class Meta:
        verbose_name = _("stop mark")
        verbose_name_plural = _("stop marks")
        constraints = [
            models.UniqueConstraint(
                fields=["member"], condition=Q(until=None), name="members_stopmark_one_standing"
            )
        ]

    def __str__(self) -> str:
        return f"stop member:{self.member_id}"
