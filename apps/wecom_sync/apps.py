from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class WecomSyncConfig(AppConfig):
    name = "apps.wecom_sync"
    label = "wecom_sync"
    verbose_name = _("WeCom sync")
