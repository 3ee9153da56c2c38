from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class GuidePortalConfig(AppConfig):
    name = "apps.guide_portal"
    label = "guide_portal"
    verbose_name = _("Guide pages")
