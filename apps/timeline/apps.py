from django.apps import AppConfig
from django.utils.module_loading import import_string
from django.utils.translation import gettext_lazy as _

from apps.core import partitions
from apps.members import story


class TimelineConfig(AppConfig):
    name = "apps.timeline"
    label = "timeline"
    verbose_name = _("Timeline")

    def ready(self) -> None:
        partitions.register("timeline_memberevent", "occurred_at")
        # by name: it writes models, which are not there when this module is
        story.use(import_string("apps.timeline.services.record_events"))
