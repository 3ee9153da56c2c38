"""The form of what other systems send. What the values mean is decided by the services."""

from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from apps.cases.models import Kind as Complaint
from apps.concessions.models import Kind as ConcessionKind
from apps.ingest.cases import CaseItem
from apps.ingest.concessions import Granted
from apps.ingest.points import PointsItem, Purse
from apps.ingest.services import MAX_ITEMS, MemberItem, OrderItem, sentence
from apps.ingest.stock import StockItem
from apps.loyalty.judging import Verdict
from apps.loyalty.models import PointsEntry
from apps.loyalty.selectors import worth_words
from apps.members.models import Consent, Member, MemberIdentity
from apps.members.services import ConsentRow
from apps.orders.models import Order
from apps.orders.services import LineRow, OrderRow

_FEN_LIMIT = 10**14
_DAYS_OF_MONTH = {2: 29, 4: 30, 6: 30, 9: 30, 11: 30}


class FenField(serializers.IntegerField):
    """An amount in fen."""

    def __init__(self, **options: Any) -> None:
        super().__init__(min_value=-_FEN_LIMIT, max_value=_FEN_LIMIT, **options)


class IdentitySerializer(serializers.Serializer):
    kind = serializers.ChoiceField(MemberIdentity.Kind.choices)
    scope = serializers.CharField(
        max_length=60,
        default="",
        allow_blank=True,
        help_text=_(
            "The corp, app or channel inside which the value is unique; empty for a phone."
        ),
    )
    value = serializers.CharField(max_length=128)


def _identity(data: dict[str, str]) -> tuple[str, str, str]:
    return data["kind"], data["scope"], data["value"]


class ConsentSerializer(serializers.Serializer):
    purpose = serializers.ChoiceField(Consent.Purpose.choices)
    text_version = serializers.CharField(max_length=20)
    channel = serializers.CharField(max_length=40)
    given_at = serializers.DateTimeField()


class MemberSerializer(serializers.Serializer):
    phone = serializers.CharField(max_length=30, required=False, allow_blank=True)
    identities = serializers.ListField(child=IdentitySerializer(), required=False, max_length=10)
    name = serializers.CharField(max_length=60, required=False, allow_blank=True)
    gender = serializers.ChoiceField(Member.Gender.choices, required=False, allow_blank=True)
    birth_month = serializers.IntegerField(
        min_value=1, max_value=12, required=False, allow_null=True
    )
    birth_day = serializers.IntegerField(min_value=1, max_value=31, required=False, allow_null=True)
    joined_at = serializers.DateTimeField(
        required=False,
        allow_null=True,
        help_text=_("When the person joined; without it they are a known contact."),
    )
    home_store = serializers.CharField(
        max_length=20, required=False, allow_blank=True, help_text=_("Store code")
    )
    enrolling_guide = serializers.CharField(
        max_length=64, required=False, allow_blank=True, help_text=_("WeCom user id of the guide")
    )
    level = serializers.CharField(max_length=20, required=False, allow_blank=True)
    source: Any = serializers.CharField(  # the name is taken in the base class
        max_length=40,
        required=False,
        allow_blank=True,
        help_text=_(
            "Where the person joined: pos, mini_program, service_account, mall, or a word of your "
            "own. Figures count members by it."
        ),
    )
    consents = serializers.ListField(child=ConsentSerializer(), required=False, max_length=10)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        month, day = attrs.get("birth_month"), attrs.get("birth_day")
        if day and (not month or day > _DAYS_OF_MONTH.get(month, 31)):
            raise serializers.ValidationError({"birth_day": _("There is no such day.")})
        return attrs

    def to_item(self) -> MemberItem:
        data = dict(self.validated_data)
        identities = [_identity(one) for one in data.pop("identities", [])]
        if phone := data.pop("phone", ""):
            identities.insert(0, (MemberIdentity.Kind.PHONE, "", phone))
        consents = tuple(ConsentRow(**one) for one in data.pop("consents", []))
        return MemberItem(identities=identities, consents=consents, **data)


class LineSerializer(serializers.Serializer):
    line_no = serializers.IntegerField(min_value=1, max_value=100_000)
    sku = serializers.CharField(max_length=40)
    quantity = serializers.DecimalField(
        max_digits=12, decimal_places=3, help_text=_("Negative in a return")
    )
    net_fen = FenField(help_text=_("Paid for this line, in fen; negative in a return"))
    discount_fen = FenField(default=0)
    tag_fen = FenField(default=0)
    original_line_no = serializers.IntegerField(
        min_value=1,
        max_value=100_000,
        required=False,
        allow_null=True,
        help_text=_("Return: the line of the original order"),
    )
    is_gift = serializers.BooleanField(default=False)


class OrderSerializer(serializers.Serializer):
    source: Any = serializers.CharField(  # the name is taken in the base class
        max_length=40, help_text=_("The system that numbers the orders")
    )
    external_no = serializers.CharField(max_length=64)
    kind = serializers.ChoiceField(Order.Kind.choices, default=Order.Kind.SALE)
    original_no = serializers.CharField(
        max_length=64,
        default="",
        allow_blank=True,
        help_text=_("Return: the number of the original order, of the same source"),
    )
    member = serializers.UUIDField(
        required=False, allow_null=True, help_text=_("The member's id as given by members/batch")
    )
    member_identity = IdentitySerializer(
        required=False, allow_null=True, help_text=_("Instead of the id, an identity of the buyer")
    )
    store_code = serializers.CharField(max_length=20)
    selling_guide_userid = serializers.CharField(max_length=64, default="", allow_blank=True)
    paid_at = serializers.DateTimeField()
    net_fen = FenField(help_text=_("Paid without freight, in fen; the lines must add up to it"))
    discount_fen = FenField(required=False, allow_null=True,
        help_text=_("Checked against the lines when given"),
    )  # fmt: skip
    freight_fen = FenField(default=0)
    is_staff = serializers.BooleanField(default=False)
    is_group_buy = serializers.BooleanField(default=False)
    is_stored_value = serializers.BooleanField(default=False)
    link_code = serializers.CharField(
        max_length=64,
        default="",
        allow_blank=True,
        help_text=_(
            "Sale: the value of link_code in the address by which the buyer came to the shop. The "
            "guide and the push of that link are kept with the order; a code that is not ours is a "
            "warning, and the same order sent again with a code adds it."
        ),
    )
    coupon_codes = serializers.ListField(
        child=serializers.CharField(max_length=32),
        default=list,
        max_length=10,
        help_text=_(
            "Sale: the codes of the coupons the buyer used, as scanned or typed. Ask "
            "coupons/check before the sale what a code is worth. "
            "Each is answered by itself under coupons; an order is never refused for one. Sent "
            "again with a code, the same order adds it. When all of a sale was returned, its "
            "coupon can be used again until its last day."
        ),
    )
    lines = serializers.ListField(child=LineSerializer(), max_length=500)

    def to_item(self) -> OrderItem:
        data = dict(self.validated_data)
        member = data.pop("member", None)
        identity = data.pop("member_identity", None)
        link_code = data.pop("link_code")
        coupons = tuple(dict.fromkeys(data.pop("coupon_codes")))
        lines = [LineRow(**line) for line in data.pop("lines")]
        row = OrderRow(
            member_identity=None if identity is None else _identity(identity), lines=lines, **data
        )
        return OrderItem(row=row, member=member, link_code=link_code, coupon_codes=coupons)


class StockSerializer(serializers.Serializer):
    store_code = serializers.CharField(max_length=20)
    sku = serializers.CharField(max_length=40)
    quantity = serializers.IntegerField(min_value=-100_000, max_value=10_000_000)
    as_of = serializers.DateTimeField(
        help_text=_("When it was counted; a later count is never overwritten by an earlier one.")
    )

    def to_item(self) -> StockItem:
        return StockItem(**self.validated_data)


def _one_person(data: dict[str, Any]) -> dict[str, Any]:
    if (data["member"] is None) == (data["member_identity"] is None):
        raise serializers.ValidationError(_("Name either member or member_identity."))
    return data


_POINTS_LIMIT = 100_000_000
_POINTS_KINDS = [one for one in PointsEntry.Kind.choices if one[0] != PointsEntry.Kind.WELCOME]


class PointsSerializer(serializers.Serializer):
    source: Any = serializers.CharField(max_length=40)  # the name is taken in the base class
    external_no = serializers.CharField(
        max_length=64, help_text=_("The entry's number in its source; the same one counts once")
    )
    member_identity = IdentitySerializer(default=None, allow_null=True)
    member = serializers.UUIDField(default=None, allow_null=True)
    store_code = serializers.CharField(
        max_length=64,
        default="",
        allow_blank=True,
        help_text=_("Where it happened; needed by a key of certain stores"),
    )
    kind = serializers.ChoiceField(_POINTS_KINDS)
    points = serializers.IntegerField(
        min_value=-_POINTS_LIMIT,
        max_value=_POINTS_LIMIT,
        help_text=_("Above zero what is added, below zero what is taken away"),
    )
    occurred_at = serializers.DateTimeField()
    expires_on = serializers.DateField(
        default=None,
        allow_null=True,
        help_text=_(
            "The last day on which added points count; empty: they do not end. When it is over, "
            "what is left of them is gone without an entry."
        ),
    )

    def validate(self, data: dict[str, Any]) -> dict[str, Any]:
        return _one_person(data)

    def to_item(self) -> PointsItem:
        data = dict(self.validated_data)
        identity = data.pop("member_identity")
        return PointsItem(identity=None if identity is None else _identity(identity), **data)


class CaseSerializer(serializers.Serializer):
    source: Any = serializers.CharField(  # the name is taken in the base class
        max_length=40, help_text=_("The system that numbers the complaints")
    )
    external_no = serializers.CharField(
        max_length=64, help_text=_("The complaint's number there; sent again it is the same one")
    )
    kind = serializers.ChoiceField(Complaint.choices)
    words = serializers.CharField(
        max_length=300, help_text=_("What the customer says; phone numbers in it are masked")
    )
    store_code = serializers.CharField(
        max_length=20, help_text=_("The store whose manager is to settle it")
    )
    member = serializers.UUIDField(
        required=False, allow_null=True, help_text=_("The member's id as given by members/batch")
    )
    member_identity = IdentitySerializer(
        required=False, allow_null=True, help_text=_("Instead of the id, an identity of the member")
    )
    order_no = serializers.CharField(
        max_length=64,
        default="",
        allow_blank=True,
        help_text=_("The number of the order it is about, of the same source"),
    )
    opened_at = serializers.DateTimeField(required=False, allow_null=True)

    def to_item(self) -> CaseItem:
        data = dict(self.validated_data)
        identity = data.pop("member_identity", None)
        return CaseItem(member_identity=None if identity is None else _identity(identity), **data)


class CaseBatchSerializer(serializers.Serializer):
    items = serializers.ListField(child=CaseSerializer(), max_length=MAX_ITEMS)


class MemberBatchSerializer(serializers.Serializer):
    items = serializers.ListField(child=MemberSerializer(), max_length=MAX_ITEMS)


class OrderBatchSerializer(serializers.Serializer):
    items = serializers.ListField(child=OrderSerializer(), max_length=MAX_ITEMS)


class CouponCheckSerializer(serializers.Serializer):
    """What a till asks before it takes money off."""

    code = serializers.CharField(
        max_length=32, help_text=_("As scanned or typed, with or without gaps")
    )
    store_code = serializers.CharField(
        max_length=64,
        default="",
        allow_blank=True,
        help_text=_("Where it is to be used; needed by a key of certain stores"),
    )
    member = serializers.UUIDField(
        default=None, allow_null=True, help_text=_("The buyer, where the till knows them")
    )
    amount_fen = serializers.IntegerField(
        min_value=0,
        default=None,
        allow_null=True,
        help_text=_("Goods before the coupon, in fen; without it the amount is not looked at"),
    )

    def to_question(self) -> dict[str, Any]:
        return dict(self.validated_data)


class CouponVerdictSerializer(serializers.Serializer):
    code = serializers.CharField()
    usable = serializers.BooleanField()
    status = serializers.ChoiceField(
        [
            "usable", "unknown_coupon", "coupon_used", "foreign_coupon", "coupon_not_yet",
            "coupon_expired", "coupon_other_store", "below_amount", "gift_of_guide",
        ]
    )  # fmt: skip
    message = serializers.CharField(allow_null=True, help_text=_("Why not, in one sentence"))
    coupon = serializers.DictField(
        allow_null=True,
        help_text=_("name, worth in words, off_fen, from_fen, gift, terms, starts_at, expires_at"),
    )


def verdict_facts(verdict: Verdict) -> dict[str, Any]:
    """The answer to a till that asks about a coupon's code."""
    return {
        "code": verdict.code,
        "usable": verdict.usable,
        "status": verdict.status,
        "message": verdict.message or None,
        "coupon": _coupon_facts(verdict),
    }


def _coupon_facts(verdict: Verdict) -> dict[str, Any] | None:
    """What the coupon is worth; None where the code tells nothing."""
    issue = verdict.issue
    if issue is None:
        return None
    coupon = issue.coupon
    return {
        "name": coupon.name,
        "worth": worth_words(coupon),
        "off_fen": coupon.off_fen,
        "from_fen": coupon.from_fen,
        "gift": coupon.gift,
        "terms": coupon.terms,
        "starts_at": issue.starts_at,
        "expires_at": issue.expires_at,
    }


class PersonCheckSerializer(serializers.Serializer):
    """Whom a till asks about: what they can spend, what was granted to them."""

    member_identity = IdentitySerializer(default=None, allow_null=True)
    member = serializers.UUIDField(
        default=None, allow_null=True, help_text=_("The member's id as given by members/batch")
    )
    store_code = serializers.CharField(
        max_length=64,
        default="",
        allow_blank=True,
        help_text=_("Whose till asks; needed by a key of certain stores"),
    )

    def validate(self, data: dict[str, Any]) -> dict[str, Any]:
        return _one_person(data)

    def to_question(self) -> dict[str, Any]:
        data = dict(self.validated_data)
        identity = data.pop("member_identity")
        return {**data, "member_identity": None if identity is None else _identity(identity)}


class PointsEndingSerializer(serializers.Serializer):
    last_day = serializers.DateField(help_text=_("The last day on which they count"))
    points = serializers.IntegerField()


class PurseSerializer(serializers.Serializer):
    status = serializers.ChoiceField(["known", "unknown_member"])
    message = serializers.CharField(allow_null=True, help_text=_("Why not, in one sentence"))
    member = serializers.UUIDField(
        allow_null=True, help_text=_("The member's id, whichever number was asked with")
    )
    points = serializers.IntegerField(
        help_text=_("What can be spent; below zero more was spent than there was")
    )
    worth_fen = serializers.IntegerField(
        help_text=_("What they are worth by head office's terms, in fen; 0: nothing in money")
    )
    next_ending = PointsEndingSerializer(
        allow_null=True, help_text=_("What ends first, and is used first; null: nothing ends")
    )


def purse_facts(purse: Purse | None) -> dict[str, Any]:
    """What somebody has; who is not known has nothing, and the till is told so."""
    if purse is None:
        status = "unknown_member"
        return {"status": status, "message": sentence(status), "member": None, "points": 0,
                "worth_fen": 0, "next_ending": None}  # fmt: skip
    found = purse.standing
    ending = next(iter(found.endings), None)
    return {
        "status": "known",
        "message": None,
        "member": purse.member,
        "points": found.points,
        "worth_fen": found.worth_fen,
        "next_ending": ending and {"last_day": ending[0], "points": ending[1]},
    }


class CountingConcessionSerializer(serializers.Serializer):
    kind = serializers.ChoiceField(ConcessionKind.choices)
    percent = serializers.IntegerField(
        allow_null=True, help_text=_("How much less, in percent; null for a return")
    )
    source: Any = serializers.CharField(  # the name is taken in the base class
        allow_null=True,
        help_text=_("The source of the sale that may come back; null for a discount"),
    )
    order_no = serializers.CharField(
        allow_null=True, help_text=_("The number of the sale that may come back, in its source")
    )
    valid_until = serializers.DateField(help_text=_("The last day on which it counts"))


class GrantedSerializer(serializers.Serializer):
    status = serializers.ChoiceField(["known", "unknown_member"])
    message = serializers.CharField(allow_null=True, help_text=_("Why not, in one sentence"))
    member = serializers.UUIDField(
        allow_null=True, help_text=_("The member's id, whichever number was asked with")
    )
    concessions = CountingConcessionSerializer(
        many=True, help_text=_("What counts at this store's till today, what ends first first")
    )


def granted_facts(granted: Granted | None) -> dict[str, Any]:
    """What counts for somebody; who is not known has nothing, and the till is told so."""
    if granted is None:
        status = "unknown_member"
        return {"status": status, "message": sentence(status), "member": None, "concessions": []}
    return {
        "status": "known",
        "message": None,
        "member": granted.member,
        "concessions": [
            {
                "kind": one.kind,
                "percent": one.percent,
                "source": one.order and one.order.source,
                "order_no": one.order and one.order.external_no,
                "valid_until": one.valid_until,
            }
            for one in granted.concessions
        ],
    }


class StockBatchSerializer(serializers.Serializer):
    items = serializers.ListField(child=StockSerializer(), max_length=MAX_ITEMS)


class PointsBatchSerializer(serializers.Serializer):
    items = serializers.ListField(child=PointsSerializer(), max_length=MAX_ITEMS)


class ItemErrorSerializer(serializers.Serializer):
    code = serializers.CharField()
    message = serializers.CharField()


class CouponResultSerializer(serializers.Serializer):
    code = serializers.CharField()
    status = serializers.ChoiceField(
        [
            "used", "unknown_coupon", "coupon_used", "foreign_coupon", "coupon_not_yet",
            "coupon_expired", "coupon_other_store", "coupon_without_sale",
        ],
        help_text=_("used, also when the same order said so before; else why the code did nothing"),
    )  # fmt: skip
    message = serializers.CharField(allow_null=True)


class ItemResultSerializer(serializers.Serializer):
    index = serializers.IntegerField(help_text=_("Place of the item in the batch, from 0"))
    status = serializers.ChoiceField(["created", "updated", "unchanged", "rejected"])
    reference = serializers.CharField(
        allow_null=True, help_text=_("The member's id, or the order's number")
    )
    error = ItemErrorSerializer(allow_null=True)
    warning = ItemErrorSerializer(
        allow_null=True, help_text=_("What was left out of an item that was kept")
    )
    coupons = CouponResultSerializer(
        many=True, help_text=_("Orders: one entry for each coupon code that was sent")
    )


class BatchAnswerSerializer(serializers.Serializer):
    accepted = serializers.IntegerField()
    rejected = serializers.IntegerField()
    results = ItemResultSerializer(many=True)


class ProblemSerializer(serializers.Serializer):
    code = serializers.CharField()
    message = serializers.CharField()
    detail = serializers.JSONField(allow_null=True)


class ErrorAnswerSerializer(serializers.Serializer):
    error = ProblemSerializer()
