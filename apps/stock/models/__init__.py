"""What a store has, and what stores keep or send for another store's customer."""

from apps.stock.models.levels import StockLevel
from apps.stock.models.requests import (
    NEXT,
    OPEN,
    Kind,
    Reason,
    State,
    StockRequest,
    StockRequestMove,
)
from apps.stock.models.terms import StockTerms

__all__ = [
    "NEXT",
    "OPEN",
    "Kind",
    "Reason",
    "State",
    "StockLevel",
    "StockRequest",
    "StockRequestMove",
    "StockTerms",
]
