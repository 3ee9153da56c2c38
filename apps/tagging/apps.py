from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from apps.core import partitions


class TaggingConfig(AppConfig):
    name = "apps.tagging"
    label = "tagging"
    verbose_name = _("Tags")

    def ready(self) -> None:
        partitions.register("tagging_tagchange", "at")
