"""Examples shown in the schema: whole batches that could be sent as they are."""

from drf_spectacular.utils import OpenApiExample

MEMBERS = OpenApiExample(
    "Member",
    request_only=True,
    value={
        "items": [
            {
                "phone": "13900000001",
                "identities": [{"kind": "member_no", "scope": "pos", "value": "M000123"}],
                "name": "林晓雯",
                "gender": "f",
                "birth_month": 5,
                "birth_day": 20,
                "joined_at": "2026-03-01T10:00:00+08:00",
                "home_store": "S001",
                "source": "pos",
                "consents": [
                    {
                        "purpose": "wecom_marketing",
                        "text_version": "2026-01",
                        "channel": "till",
                        "given_at": "2026-03-01T10:00:00+08:00",
                    }
                ],
            }
        ]
    },
)
STOCK = OpenApiExample(
    "Stock",
    request_only=True,
    value={
        "items": [
            {
                "store_code": "S001",
                "sku": "R2101-WHT-38",
                "quantity": 4,
                "as_of": "2026-03-18T15:20:00+08:00",
            }
        ]
    },
)
POINTS = OpenApiExample(
    "Earned and spent",
    request_only=True,
    value={
        "items": [
            {
                "source": "pos",
                "external_no": "S001-P-000812",
                "member_identity": {"kind": "phone", "scope": "", "value": "13900000001"},
                "store_code": "S001",
                "kind": "earned",
                "points": 499,
                "occurred_at": "2026-03-18T15:20:00+08:00",
                "expires_on": "2027-03-31",
            },
            {
                "source": "pos",
                "external_no": "S001-P-000813",
                "member_identity": {"kind": "phone", "scope": "", "value": "13900000001"},
                "store_code": "S001",
                "kind": "spent",
                "points": -200,
                "occurred_at": "2026-03-20T11:05:00+08:00",
            },
        ]
    },
)
POINTS_CHECK = OpenApiExample(
    "Before points are taken off",
    request_only=True,
    value={
        "member_identity": {"kind": "phone", "scope": "", "value": "13900000001"},
        "store_code": "S001",
    },
)
PURSE = OpenApiExample(
    "They can be spent",
    response_only=True,
    status_codes=["200"],
    value={
        "status": "known",
        "message": None,
        "member": "01980000-0000-7000-8000-000000000001",
        "points": 1250,
        "worth_fen": 1250,
        "next_ending": {"last_day": "2026-03-31", "points": 300},
    },
)
CONCESSIONS_CHECK = OpenApiExample(
    "Before the sale or the return",
    request_only=True,
    value={
        "member_identity": {"kind": "phone", "scope": "", "value": "13900000001"},
        "store_code": "S001",
    },
)
GRANTED = OpenApiExample(
    "Both count today",
    response_only=True,
    status_codes=["200"],
    value={
        "status": "known",
        "message": None,
        "member": "01980000-0000-7000-8000-000000000001",
        "concessions": [
            {
                "kind": "discount",
                "percent": 10,
                "source": None,
                "order_no": None,
                "valid_until": "2026-03-25",
            },
            {
                "kind": "late_return",
                "percent": None,
                "source": "pos",
                "order_no": "S001-20260118-0042",
                "valid_until": "2026-03-25",
            },
        ],
    },
)
CASES = OpenApiExample(
    "Complaint",
    request_only=True,
    value={
        "items": [
            {
                "source": "mall",
                "external_no": "AS-20260318-0007",
                "kind": "quality",
                "words": "拉链坏了，要求维修",
                "store_code": "S001",
                "member_identity": {"kind": "phone", "scope": "", "value": "13900000001"},
                "opened_at": "2026-03-18T15:20:00+08:00",
            }
        ]
    },
)
ORDERS = OpenApiExample(
    "Sale and return",
    request_only=True,
    value={
        "items": [
            {
                "source": "pos",
                "external_no": "S001-20260318-0001",
                "member_identity": {"kind": "phone", "scope": "", "value": "13900000001"},
                "store_code": "S001",
                "selling_guide_userid": "guide01",
                "paid_at": "2026-03-18T15:20:00+08:00",
                "net_fen": 49900,
                "link_code": "q3Zt0aXw-7Lk",
                "coupon_codes": ["4821730596124408"],
                "lines": [
                    {
                        "line_no": 1,
                        "sku": "R2101-WHT-38",
                        "quantity": "1",
                        "net_fen": 49900,
                        "discount_fen": 10000,
                        "tag_fen": 59900,
                    }
                ],
            },
            {
                "source": "pos",
                "external_no": "S001-20260320-0007",
                "kind": "return",
                "original_no": "S001-20260318-0001",
                "store_code": "S001",
                "paid_at": "2026-03-20T11:05:00+08:00",
                "net_fen": -49900,
                "lines": [
                    {
                        "line_no": 1,
                        "sku": "R2101-WHT-38",
                        "quantity": "-1",
                        "net_fen": -49900,
                        "original_line_no": 1,
                    }
                ],
            },
        ]
    },
)
ANSWER = OpenApiExample(
    "One good, one bad",
    response_only=True,
    status_codes=["200"],
    value={
        "accepted": 1,
        "rejected": 1,
        "results": [
            {
                "index": 0,
                "status": "created",
                "reference": "S001-20260318-0001",
                "error": None,
                "warning": None,
                "coupons": [{"code": "4821730596124408", "status": "used", "message": None}],
            },
            {
                "index": 1,
                "status": "rejected",
                "reference": None,
                "error": {"code": "unknown_sku", "message": "没有 SKU 为 R2101-WHT-99 的商品。"},
                "warning": None,
                "coupons": [],
            },
        ],
    },
)
CHECK = OpenApiExample(
    "A code before the sale",
    request_only=True,
    value={"code": "4821 7305 9612 4408", "store_code": "S001", "amount_fen": 35000},
)
VERDICT = OpenApiExample(
    "It can be used",
    response_only=True,
    status_codes=["200"],
    value={
        "code": "4821 7305 9612 4408",
        "usable": True,
        "status": "usable",
        "message": None,
        "coupon": {
            "name": "老客回店满 300 减 50",
            "worth": "满 ¥300 减 ¥50",
            "off_fen": 5000,
            "from_fen": 30000,
            "gift": "",
            "terms": "正价商品可用",
            "starts_at": "2026-03-01T10:00:00+08:00",
            "expires_at": "2026-04-01T00:00:00+08:00",
        },
    },
)
