"""Writes of commission."""

from apps.commissions.services.asking import answer_question, ask
from apps.commissions.services.booking import book_due, note_orders
from apps.commissions.services.closing import close_month

__all__ = ["answer_question", "ask", "book_due", "close_month", "note_orders"]
