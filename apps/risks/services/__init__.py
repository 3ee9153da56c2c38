"""Writes of risk cases."""

from apps.risks.services.deciding import decide, look_into
from apps.risks.services.finding import find_cases
from apps.risks.services.rules import ensure_rules

__all__ = ["decide", "ensure_rules", "find_cases", "look_into"]
