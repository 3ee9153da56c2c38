"""Every field a condition may use: what it holds, which operators fit, where it lives.

A fragment is SQL of our own over the aliases `m` (member), `p` (profile); `{op}` is one of our
operators and every value is a bound parameter. No text of a user ever reaches the statement.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from apps.members.models import Consent, Member
from apps.profiles.models import Stage


class Kind(StrEnum):
    CHOICE = "choice"
    NUMBER = "number"
    DAYS = "days"
    MONEY = "money"
    BOOL = "bool"
    TAGS = "tags"
    REFERENCE = "reference"


OPERATORS: dict[Kind, dict[str, Promise]] = {
    Kind.CHOICE: {"in": _("is one of"), "not_in": _("is none of")},
    Kind.NUMBER: {"gte": _("at least"), "lte": _("at most"), "between": _("between")},
    Kind.DAYS: {"gte": _("at least"), "lte": _("at most"), "between": _("between")},
    Kind.MONEY: {"gte": _("at least"), "lte": _("at most"), "between": _("between")},
    Kind.BOOL: {"is": _("is")},
    Kind.TAGS: {"any": _("any of"), "all": _("all of"), "none": _("none of")},
    Kind.REFERENCE: {"in": _("is one of"), "not_in": _("is none of")},
}


@dataclass(frozen=True)
class Field:
    """One field. `sql` is an expression (numbers, choices) or a whole condition (bool, tags,
    references); `params` are bound before the values; those of a number are days counted from the
    day of the run. `lookup` names the model whose ids a reference holds. `rows`: the expression is
    one over rows of the alias `person`, as they stand on the day of the run (its one place), read
    once for all members; who has no row stands at `without`, or nowhere.
    """

    key: str
    label: Promise
    kind: Kind
    sql: str
    params: tuple[Any, ...] = ()
    profile: bool = False
    choices: tuple[tuple[Any, Promise | str], ...] = ()
    lookup: str = ""
    rows: str = ""
    without: int | None = None
    unit: Promise | str = ""
    operators: dict[str, Promise] = field(default_factory=dict)

    def allowed(self) -> dict[str, Promise]:
        """The operators that fit, with their words."""
        return self.operators or OPERATORS[self.kind]


# Where somebody has no home store, the store that serves them stands for it.
_STORE = (
    "COALESCE(m.home_store_id, (SELECT sp.store_id FROM members_servingperiod sp"
    " WHERE sp.member_id = m.id AND sp.until IS NULL))"
)
# under all of a person's numbers: a lot stays where it is until the next entry
_LOTS = "loyalty_pointslot AS lot JOIN members_member AS person ON person.id = lot.member_id"
_TODAY = 0
_MONTHS = tuple((month, str(month)) for month in range(1, 13))

_FIELDS = [
    Field(
        "stage",
        _("life-cycle stage"),
        Kind.CHOICE,
        "COALESCE(p.stage, 'prospect')",
        profile=True,
        choices=tuple(Stage.choices),
    ),
    Field(
        "last_order_days",
        _("days since the last purchase"),
        Kind.DAYS,
        "p.last_order_on",
        profile=True,
        unit=_("days"),
    ),
    Field(
        "first_order_days",
        _("days since the first purchase"),
        Kind.DAYS,
        "p.first_order_on",
        profile=True,
        unit=_("days"),
    ),
    Field(
        "order_count",
        _("number of orders"),
        Kind.NUMBER,
        "COALESCE(p.order_count, 0)",
        profile=True,
        unit=_("orders"),
    ),
    Field(
        "net_fen",
        _("net spend so far"),
        Kind.MONEY,
        "COALESCE(p.net_fen, 0)",
        profile=True,
        unit=_("yuan"),
    ),
    Field(
        "net_365_fen",
        _("net spend in 365 days"),
        Kind.MONEY,
        "COALESCE(p.net_365_fen, 0)",
        profile=True,
        unit=_("yuan"),
    ),
    Field(
        "points",
        pgettext_lazy("segment", "points left"),
        Kind.NUMBER,
        "sum(lot.points)",
        rows=f"{_LOTS} WHERE (lot.expires_on IS NULL OR lot.expires_on >= %s)",
        without=0,
        unit=pgettext_lazy("points", "points"),
    ),
    Field(
        "points_end_days",
        _("days until points end"),
        Kind.NUMBER,
        "min(lot.expires_on - %s)",
        params=(_TODAY,),
        rows=f"{_LOTS} WHERE lot.expires_on >= %s",
        unit=_("days"),
    ),
    Field("joined", _("has joined as member"), Kind.BOOL, "m.joined_at IS NOT NULL"),
    Field(
        "tag",
        _("tags"),
        Kind.TAGS,
        "EXISTS (SELECT 1 FROM tagging_membertags t WHERE t.member_id = m.id"
        " AND t.tags {op} %s::int[])",
        lookup="tagging.Tag",
    ),
    Field(
        "region",
        _("region"),
        Kind.REFERENCE,
        f"{_STORE} IN (SELECT s.id FROM stores_store s WHERE s.region_id = ANY(%s::bigint[]))",
        lookup="stores.Region",
    ),
    Field(
        "home_store",
        _("store"),
        Kind.REFERENCE,
        f"{_STORE} = ANY(%s::bigint[])",
        lookup="stores.Store",
    ),
    Field(
        "serving_guide",
        _("serving guide"),
        Kind.REFERENCE,
        "EXISTS (SELECT 1 FROM members_servingperiod sp WHERE sp.member_id = m.id"
        " AND sp.until IS NULL AND sp.guide_id = ANY(%s::bigint[]))",
        lookup="stores.Guide",
    ),
    Field(
        "is_friend",
        _("is a WeCom friend"),
        Kind.BOOL,
        "EXISTS (SELECT 1 FROM members_followrelation f WHERE f.member_id = m.id"
        " AND f.until IS NULL)",
    ),
    Field(
        "has_consent",
        _("agreed to WeCom marketing"),
        Kind.BOOL,
        "EXISTS (SELECT 1 FROM members_consent c WHERE c.member_id = m.id AND c.purpose = %s"
        " AND c.withdrawn_at IS NULL)",
        params=(str(Consent.Purpose.WECOM_MARKETING),),
    ),
    Field(
        "is_stopped",
        _("asked not to be contacted"),
        Kind.BOOL,
        "EXISTS (SELECT 1 FROM members_stopmark st WHERE st.member_id = m.id AND st.until IS NULL)",
    ),
    Field("level", _("level"), Kind.CHOICE, "m.level"),
    Field(
        "gender",
        _("gender"),
        Kind.CHOICE,
        "m.gender",
        choices=tuple(Member.Gender.choices),
    ),
    Field("birth_month", _("birth month"), Kind.CHOICE, "m.birth_month", choices=_MONTHS),
]

FIELDS: dict[str, Field] = {each.key: each for each in _FIELDS}
