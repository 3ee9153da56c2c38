"""Scripts: the words, the page or product and the pictures that go with them."""

import hashlib

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from apps.outreach import attachments
from apps.outreach.querysets import (
    MediaUploadQuerySet,
    MessageTemplateQuerySet,
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
    """The id under which a corp has one of our pictures, until it ends there after three days. A
    picture for moments has an id of its own that nothing else takes."""

    corp_id = models.CharField(max_length=40)
    file = models.CharField(max_length=100)
    for_moments = models.BooleanField(default=False)
    media_id = models.CharField(max_length=255)
    expires_at = models.DateTimeField(db_index=True)

    objects = MediaUploadQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["corp_id", "file", "for_moments"], name="outreach_media_once"
            )
        ]

    def __str__(self) -> str:
        return f"media_upload:{self.pk}"
