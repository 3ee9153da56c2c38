from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class CustomerGroupsConfig(AppConfig):
    name = "apps.customer_groups"
    verbose_name = _("customer groups")
