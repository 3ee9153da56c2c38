from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from apps.core import partitions


class OrdersConfig(AppConfig):
    name = "apps.orders"
    label = "orders"
    verbose_name = _("Orders")

    def ready(self) -> None:
        partitions.register("orders_orderline", "paid_at")
