from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from apps.core import partitions


class TimelineConfig(AppConfig):
    name = "apps.timeline"
    label = "timeline"
    verbose_name = _("Timeline")

    def ready(self) -> None:
        # models can be imported only now; `members` lies below and is given its recorder here
        from apps.members import story  # noqa: PLC0415
        from apps.timeline import services  # noqa: PLC0415

        partitions.register("timeline_memberevent", "occurred_at")
        story.use(services.record_events)
