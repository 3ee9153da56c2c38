"""People and machines that may enter, and the record of what they did."""

from typing import Any, ClassVar

from django.contrib.auth.models import AbstractUser, UserManager
from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from apps.accounts.capabilities import HQ_ROLES, ROLE_CAPABILITIES, Capability, Role
from apps.accounts.record_words import action_words

_SAY_WHOSE = _(
    "Another user has the same WeCom account name. Name the corp of both, so that nobody is let in "
    "as the other."
)


class PeopleManager(UserManager):
    """`createsuperuser` makes the first person of head office: an administrator, in name too."""

    use_in_migrations = False

    def create_superuser(self, username: str, *args: Any, **fields: Any) -> Any:
        return super().create_superuser(username, *args, **{"role": Role.HQ_ADMIN, **fields})


class User(AbstractUser):
    """A person who signs in: by password at head office, by WeCom on the phone."""

    role = models.CharField(_("role"), max_length=20, choices=Role.choices, default=Role.GUIDE)
    wecom_userid = models.CharField(
        _("WeCom account"),
        max_length=64,
        blank=True,
        help_text=_(
            "Whoever scans with this account at the sign-in page of head office is let in."
        ),
    )
    # the same account name in another corp is another person
    wecom_corp_id = models.CharField(
        _("WeCom corp id"),
        max_length=64,
        blank=True,
        help_text=_("Whose WeCom the account is in; empty: the corp that was connected first."),
    )

    objects: ClassVar = PeopleManager()

    class Meta:
        verbose_name = _("user")
        verbose_name_plural = _("users")
        constraints = [
            models.UniqueConstraint(
                fields=["wecom_corp_id", "wecom_userid"],
                condition=~models.Q(wecom_userid=""),
                name="accounts_one_user_per_wecom",
                violation_error_message=_("Somebody else signs in with this WeCom account."),
            )
        ]

    def clean(self) -> None:
        """No corp means the first one: two with one account name, one of whom names no corp, may be
        the same account. Which corp is the first is not known here, so it has to be named."""
        super().clean()
        if not self.wecom_userid:
            return
        others = User.objects.filter(wecom_userid=self.wecom_userid).exclude(pk=self.pk)
        if self.wecom_corp_id:
            others = others.filter(wecom_corp_id="")
        else:
            others = others.exclude(wecom_corp_id="")
        if others.exists():
            raise ValidationError({"wecom_corp_id": _SAY_WHOSE})

    def get_full_name(self) -> str:
        """Chinese order, family name first and no space between."""
        return f"{self.last_name}{self.first_name}".strip() or self.username

    @property
    def capabilities(self) -> frozenset[Capability]:
        if not self.is_active:
            return frozenset()
        if self.is_superuser:
            return ROLE_CAPABILITIES[Role.HQ_ADMIN]
        return ROLE_CAPABILITIES.get(self.role, frozenset())

    @property
    def is_hq(self) -> bool:
        return self.is_superuser or self.role in HQ_ROLES


class ApiKey(models.Model):
    """A key of a till or mall system. The secret is shown once; only its hash is kept."""

    name = models.CharField(_("name"), max_length=80)
    prefix = models.CharField(_("prefix"), max_length=12, unique=True)
    secret_hash = models.BinaryField(max_length=32, editable=False)
    scopes = ArrayField(models.CharField(max_length=40), verbose_name=_("scopes"), default=list)
    chain_wide = models.BooleanField(
        _("whole chain"),
        default=False,
        help_text=_("For the mall or the ERP. Else the key sees only the places granted to it."),
    )
    created_by = models.ForeignKey(
        User, on_delete=models.PROTECT, related_name="+", null=True, verbose_name=_("created by")
    )
    created_at = models.DateTimeField(_("created at"), db_default=Now())
    expires_at = models.DateTimeField(_("expires at"), null=True, blank=True)
    revoked_at = models.DateTimeField(_("revoked at"), null=True, blank=True)
    last_used_at = models.DateTimeField(_("last used at"), null=True, blank=True)

    class Meta:
        verbose_name = _("API key")
        verbose_name_plural = _("API keys")

    def __str__(self) -> str:
        return self.name


class AuditEntry(models.Model):
    """Who did or saw what, and when. Holds ids only and no foreign keys, so it outlives what it
    names."""

    at = models.DateTimeField(_("at"), db_default=Now(), db_index=True)
    actor = models.CharField(_("actor"), max_length=40)
    user_id = models.BigIntegerField(_("user id"), null=True)
    action = models.CharField(_("action"), max_length=60)
    object_type = models.CharField(_("object"), max_length=60, blank=True)
    object_id = models.CharField(_("object id"), max_length=40, blank=True)
    detail = models.JSONField(_("detail"), default=dict, blank=True)

    class Meta:
        verbose_name = _("audit entry")
        verbose_name_plural = _("audit entries")
        indexes = [models.Index(fields=["object_type", "object_id"], name="accounts_audit_object")]

    def __str__(self) -> str:
        return action_words(self.action)
