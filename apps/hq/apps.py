from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig
from django.utils.translation import gettext_lazy as _


class HqConfig(AppConfig):
    name = "apps.hq"
    label = "hq"
    verbose_name = _("Head office")


class HqAdminConfig(AdminConfig):
    """Every room registers with plain `django.contrib.admin`; this is the site it lands on."""

    default_site = "apps.hq.site.HqAdminSite"
