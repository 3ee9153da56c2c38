"""资讯: what head office tells the people of the stores, and who has read it."""

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from apps.core import clock
from apps.news.querysets import NewsQuerySet


class News(models.Model):
    """A piece for everybody in the places and the role it names; without places, the chain's."""

    class Kind(models.TextChoices):
        TASKS = "tasks", pgettext_lazy("news", "about today's tasks")
        GOODS = "goods", pgettext_lazy("news", "new goods")
        PRICES = "prices", pgettext_lazy("news", "price rules")
        NOTICE = "notice", pgettext_lazy("news", "notice")

    class ForRole(models.TextChoices):
        EVERYBODY = "", _("everybody in the stores")
        GUIDES = "guide", _("guides alone")
        MANAGERS = "store_manager", _("store managers alone")

    title = models.CharField(_("title"), max_length=60)
    kind = models.CharField(_("kind"), max_length=8, choices=Kind.choices, default=Kind.NOTICE)
    body = models.TextField(_("text"), max_length=4000, help_text=_("Lines stay as you type them."))
    for_role = models.CharField(
        _("for whom"), max_length=16, choices=ForRole.choices, blank=True, default=""
    )
    regions = models.ManyToManyField(
        "stores.Region",
        related_name="+",
        blank=True,
        verbose_name=_("regions"),
        help_text=_("Without regions and stores it is for the whole chain."),
    )
    stores = models.ManyToManyField(
        "stores.Store", related_name="+", blank=True, verbose_name=_("stores")
    )
    products = models.ManyToManyField(
        "orders.Product", related_name="+", blank=True, verbose_name=_("products")
    )
    pages = models.ManyToManyField(
        "outreach.ContentAsset",
        related_name="+",
        blank=True,
        verbose_name=pgettext_lazy("news", "pages to send"),
    )
    shown_from = models.DateTimeField(_("shown from"), default=clock.now)
    shown_until = models.DateTimeField(_("shown until"), null=True, blank=True)
    must_read = models.BooleanField(
        _("must read"),
        default=False,
        help_text=_("Everybody gets a card in WeCom once, and says that they have read it."),
    )
    pinned = models.BooleanField(_("stays at the top"), default=False)
    is_active = models.BooleanField(pgettext_lazy("news", "shown"), default=True)
    # a correction that asks again is the next version; readings are of a version
    version = models.PositiveIntegerField(default=1, editable=False)
    corrected_at = models.DateTimeField(_("corrected at"), null=True, editable=False)
    # of which version cards were queued, last on which day (empty: not since head office kept it);
    # who was away is told the day they are back
    told_version = models.PositiveIntegerField(default=0, editable=False)
    told_on = models.DateField(null=True, editable=False)
    asked_since = models.DateTimeField(default=clock.now, editable=False)
    reminded_on = models.DateField(_("reminded on"), null=True, editable=False)
    created_at = models.DateTimeField(_("created at"), db_default=Now(), editable=False)

    objects = NewsQuerySet.as_manager()

    class Meta:
        verbose_name = pgettext_lazy("one", "piece of news")
        verbose_name_plural = _("News")
        ordering = ["-shown_from", "-pk"]
        indexes = [models.Index(fields=["-shown_from", "-id"], name="news_news_latest")]
        constraints = [
            models.CheckConstraint(
                condition=Q(shown_until=None) | Q(shown_until__gt=F("shown_from")),
                name="news_news_ends_after_it_begins",
            )
        ]

    def __str__(self) -> str:
        return self.title

    def clean(self) -> None:
        super().clean()
        if self.shown_from and self.shown_until and self.shown_until <= self.shown_from:
            raise ValidationError({"shown_until": _("Choose an end after the beginning.")})

    @property
    def source(self) -> str:
        return f"news:{self.pk}:{self.version}"


class NewsRead(models.Model):
    """A guide opened this version of a piece; of a must-read one they also say so."""

    news = models.ForeignKey(
        News, on_delete=models.CASCADE, related_name="reads", verbose_name=_("piece of news")
    )
    guide = models.ForeignKey(
        "stores.Guide", on_delete=models.CASCADE, related_name="+", verbose_name=_("guide")
    )
    version = models.PositiveIntegerField()
    opened_at = models.DateTimeField(pgettext_lazy("news", "opened at"))
    confirmed_at = models.DateTimeField(_("read, they say, at"), null=True)

    class Meta:
        verbose_name = _("reading of a piece of news")
        verbose_name_plural = _("readings of news")
        constraints = [
            models.UniqueConstraint(fields=["news", "version", "guide"], name="news_read_once")
        ]

    def __str__(self) -> str:
        return f"news:{self.news_id}:{self.version} guide:{self.guide_id}"
