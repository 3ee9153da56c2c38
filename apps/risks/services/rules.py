"""The rules a chain begins with."""

from apps.risks.models import RiskRule, Signal

# a guide tidies up a few contacts in a month; who tells thirty customers sells to one of them
_FIRST = {Signal.DELETES: (10, 30), Signal.NO_SALES: (30, 60)}


def ensure_rules() -> dict[str, RiskRule]:
    """Every rule by its signal; missing ones are made. Safe to repeat."""
    RiskRule.objects.bulk_create(
        [RiskRule(signal=key, least=least, days=days) for key, (least, days) in _FIRST.items()],
        ignore_conflicts=True,
    )
    return {rule.signal: rule for rule in RiskRule.objects.all()}
