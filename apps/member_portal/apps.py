from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class MemberPortalConfig(AppConfig):
    name = "apps.member_portal"
    label = "member_portal"
    verbose_name = _("Customers' pages")
