"""Writes of the orders' room."""

from apps.orders.services.ingest import CREATED, REJECTED, UNCHANGED, UPDATED, ingest_orders
from apps.orders.services.rows import LineRow, OrderResult, OrderRow

__all__ = [
    "CREATED",
    "REJECTED",
    "UNCHANGED",
    "UPDATED",
    "LineRow",
    "OrderResult",
    "OrderRow",
    "ingest_orders",
]
