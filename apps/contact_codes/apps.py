from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ContactCodesConfig(AppConfig):
    name = "apps.contact_codes"
    label = "contact_codes"
    verbose_name = _("Contact codes")
