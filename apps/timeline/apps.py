from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from apps.core import partitions


class TimelineConfig(AppConfig):
    name = "apps.timeline"
    label = "timeline"
    verbose_name = _("Timeline")

    def ready(self) -> None:
        partitions.register("timeline_memberevent", "occurred_at")
