"""Writes of the stock's room, by subject."""

from apps.stock.services.answering import REFUSALS, confirm, decide_owners, receive, refuse, send
from apps.stock.services.asking import ask
from apps.stock.services.ending import (
    WITHDRAWALS,
    close_with_orders,
    forget_members,
    lapse_due,
    withdraw,
)
from apps.stock.services.levels import CREATED, UNCHANGED, UPDATED, Level, keep_levels

__all__ = [
    "CREATED",
    "REFUSALS",
    "UNCHANGED",
    "UPDATED",
    "WITHDRAWALS",
    "Level",
    "ask",
    "close_with_orders",
    "confirm",
    "decide_owners",
    "forget_members",
    "keep_levels",
    "lapse_due",
    "receive",
    "refuse",
    "send",
    "withdraw",
]
