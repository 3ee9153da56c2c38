from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class GuideTasksConfig(AppConfig):
    name = "apps.guide_tasks"
    label = "guide_tasks"
    verbose_name = _("Guide tasks")
