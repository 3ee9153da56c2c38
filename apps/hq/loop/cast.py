"""The people of one run: fresh members that the poster makes, and two guides of one store."""

import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from apps.hq.demo.phones import Phones
from apps.hq.loop.doors import DoorClosed, Till

STORE = "sh01"
FRIENDS, WITHOUT_CONSENT, STRANGERS = 18, 1, 2
_SKU = "BH0001-1-37"
_LETTERS = "晨暮山川云海松柏竹梅兰菊荷桂枫杉桦槐"


@dataclass
class Customer:
    """One fresh member. `userid` is the guide whose WeCom friend they are."""

    name: str
    phone: str
    unionid: str
    consents: bool
    userid: str = ""
    public_id: str = ""
    external_userid: str = ""


@dataclass
class Cast:
    """Who plays in this run. `yuan` is what everybody spent once: no other member did exactly
    so."""

    run: str
    yuan: int
    manager: str
    guides: list[str]
    customers: list[Customer] = field(default_factory=list)
    posted_orders: int = 0

    @property
    def friends(self) -> list[Customer]:
        return [one for one in self.customers if one.userid]

    @property
    def reachable(self) -> list[Customer]:
        """Whom the policy must let through: friends who consented."""
        return [one for one in self.friends if one.consents]

    def named(self, name: str) -> Customer:
        return next(one for one in self.customers if one.name == name)


def find_staff(phones: Phones) -> tuple[str, list[str]]:
    """The manager and two guides of the store, as WeCom's address book has them."""
    people = phones.get("/sim/guides", q=STORE, limit=50)["guides"]
    there = sorted(
        one["userid"]
        for one in people
        if one["userid"].startswith(f"{STORE}_") and one["status"] == 1
    )
    if len(there) < 3:
        raise DoorClosed(f"The simulator knows too few people of {STORE}: {there}")
    return there[0], there[1:3]


def make_cast(phones: Phones) -> Cast:
    """Names, numbers and an amount of this run alone."""
    manager, guides = find_staff(phones)
    run = secrets.token_hex(4)
    cast = Cast(run=run, yuan=20_000 + secrets.randbelow(900_000), manager=manager, guides=guides)
    first = secrets.randbelow(10**8)
    for number in range(FRIENDS + WITHOUT_CONSENT + STRANGERS):
        consents = not FRIENDS <= number < FRIENDS + WITHOUT_CONSENT
        cast.customers.append(
            Customer(
                # the run's letters make every name unique, so that pages can be read by it
                name=f"环{_LETTERS[number % len(_LETTERS)]}{run[:4]}{number}",
                phone=f"142{(first + number * 7919) % 10**8:08d}",
                unionid=f"oloop{run}{number:02d}",
                consents=consents,
                userid=guides[number % 2] if number < FRIENDS + WITHOUT_CONSENT else "",
            )
        )
    return cast


def post_members(cast: Cast, till: Till, now: datetime) -> None:
    """The mall reports them: joined half a year ago, most agreed to WeCom marketing."""
    joined = (now - timedelta(days=180)).isoformat()
    items = []
    for one in cast.customers:
        purposes = ["membership", "profiling"] + (["wecom_marketing"] if one.consents else [])
        items.append(
            {
                "phone": one.phone,
                "identities": [{"kind": "unionid", "value": one.unionid}],
                "name": one.name,
                "gender": "f",
                "joined_at": joined,
                "home_store": STORE,
                "source": "loop",
                "consents": [
                    {
                        "purpose": purpose,
                        "text_version": "2026-01",
                        "channel": "join_page",
                        "given_at": joined,
                    }
                    for purpose in purposes
                ],
            }
        )
    results = till.post("/api/v1/members/batch", items, key=f"loop-{cast.run}-members")
    for one, result in zip(cast.customers, results, strict=True):
        one.public_id = result["reference"]


def post_order(
    cast: Cast, till: Till, one: Customer, *, paid_at: datetime, yuan: int, userid: str = ""
) -> None:
    """The till reports one order; posted twice, as tills do when they are unsure."""
    cast.posted_orders += 1
    number = f"L{cast.run}{cast.posted_orders:03d}"
    item: dict[str, Any] = {
        "source": "loop",
        "external_no": number,
        "member": one.public_id,
        "store_code": STORE,
        "selling_guide_userid": userid,
        "paid_at": paid_at.isoformat(),
        "net_fen": yuan * 100,
        "lines": [
            {
                "line_no": 1,
                "sku": _SKU,
                "quantity": 1,
                "net_fen": yuan * 100,
                "tag_fen": yuan * 100,
            }
        ],
    }
    for attempt in ("a", "b"):
        till.post("/api/v1/orders/batch", [item], key=f"loop-{number}-{attempt}")


def post_old_orders(cast: Cast, till: Till, now: datetime) -> None:
    """Four months ago each of them bought once, for the run's amount: silent since."""
    for one in cast.customers:
        post_order(cast, till, one, paid_at=now - timedelta(days=120), yuan=cast.yuan)


def make_friends(cast: Cast, phones: Phones) -> None:
    """On their phones most of them add a guide of the store; two do not."""
    for one in cast.friends:
        answer = phones.post(
            "/sim/customers/add-guide",
            userid=one.userid,
            name=one.name,
            unionid=one.unionid,
            gender=2,
            state=f"store_{STORE}",
        )
        one.external_userid = answer["external_userid"]
