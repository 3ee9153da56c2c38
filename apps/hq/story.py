"""A member's events in words: what happened, the second fact, where it comes from."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Model, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext

from apps.accounts.models import ApiKey, User
from apps.appointments.models import Kind as AppointmentKind
from apps.appointments.services.settling import BY_CUSTOMER
from apps.cases.models import Kind as Complaint
from apps.cases.models import Result
from apps.concessions.models import Kind as Concession
from apps.core.money import format_fen
from apps.guide_tasks.models import Grade, State, TaskPush, TaskTarget
from apps.loyalty.models import Coupon
from apps.members.models import Consent, FollowRelation
from apps.orders.models import Order, Product
from apps.outreach.models import DispatchRecipient
from apps.profiles.models import Stage
from apps.stores.models import Guide, Store
from apps.tagging.models import Tag
from apps.timeline.models import Kind, MemberEvent

LATE = timedelta(minutes=2)

GROUPS: dict[str, tuple[Kind, ...]] = {
    "buy": (
        Kind.ORDER_PLACED, Kind.ORDER_RETURNED, Kind.PURCHASED, Kind.COUPON_GIVEN,
        Kind.COUPON_USED, Kind.COUPON_BACK, Kind.COUPON_WITHDRAWN,
    ),
    "touch": (
        Kind.TASK_ISSUED, Kind.CONTACT_GRADED, Kind.CONTACT_FAILED, Kind.TASK_DONE,
        Kind.TASK_EXCUSED, Kind.TASK_EXPIRED, Kind.TASK_MOVED, Kind.ENGAGED, Kind.VISITED,
        Kind.NOTE_ADDED, Kind.NOTE_TAKEN_BACK,
        Kind.VISIT_NOTED, Kind.VISIT_TAKEN_BACK, Kind.JOIN_REFUSED,
        Kind.APPOINTMENT_BOOKED, Kind.APPOINTMENT_KEPT,
        Kind.APPOINTMENT_MISSED, Kind.APPOINTMENT_CANCELLED,
        Kind.CASE_OPENED, Kind.CASE_CLOSED, Kind.CASE_REOPENED, Kind.CONCESSION_GRANTED,
    ),
    "wecom": (Kind.FRIEND_ADDED, Kind.FRIEND_ENDED, Kind.SERVING_CHANGED),
    "tags": (Kind.TAGGED, Kind.UNTAGGED, Kind.STAGE_CHANGED),
    "consent": (
        Kind.CONSENT_GIVEN, Kind.CONSENT_WITHDRAWN, Kind.STOPPED, Kind.STOP_LIFTED,
    ),
}  # fmt: skip
_MARK: dict[str, str] = {
    **dict.fromkeys((Kind.ORDER_PLACED, Kind.ORDER_RETURNED, Kind.PURCHASED), "buy"),
    **dict.fromkeys((Kind.CONTACT_GRADED, Kind.ENGAGED, Kind.VISITED, Kind.TASK_DONE), "touch"),
    Kind.STAGE_CHANGED: "stage",
}


@dataclass(frozen=True, slots=True)
class TimelineLine:
    """One event as the page prints it. `recorded_at` only when it is news of the past."""

    kind: str
    at: datetime
    title: str
    text: str
    detail: str
    source: str
    recorded_at: datetime | None
    mark: str


@dataclass
class _Names:
    """Everything the events of a page mention, read once per kind of thing."""

    guides: dict[int, Guide] = field(default_factory=dict)
    stores: dict[int, Store] = field(default_factory=dict)
    pushes: dict[int, TaskPush] = field(default_factory=dict)
    tags: dict[int, Tag] = field(default_factory=dict)
    products: dict[int, Product] = field(default_factory=dict)
    orders: dict[int, Order] = field(default_factory=dict)
    coupons: dict[int, Coupon] = field(default_factory=dict)
    targets: dict[int, TaskTarget] = field(default_factory=dict)
    users: dict[int, User] = field(default_factory=dict)
    keys: dict[int, ApiKey] = field(default_factory=dict)

    def guide(self, payload: dict[str, Any]) -> str:
        found = self.guides.get(payload.get("guide_id") or 0)
        return found.name if found else ""

    def push(self, payload: dict[str, Any]) -> str:
        found = self.pushes.get(payload.get("push_id") or 0)
        return found.title if found else ""


def _ids(events: Iterable[MemberEvent], name: str) -> set[int]:
    return {event.payload[name] for event in events if event.payload.get(name)}


def _of(label: str, texts: Iterable[str]) -> set[int]:
    """Ids behind "label:7" in actors and sources."""
    found = set()
    for text in texts:
        kind, _colon, rest = text.partition(":")
        number = rest.partition(":")[0]
        if kind == label and number.isdecimal():
            found.add(int(number))
    return found


def _bulk(rows: QuerySet, ids: set[int]) -> dict[int, Any]:
    return rows.in_bulk(ids) if ids else {}


def _read(events: list[MemberEvent]) -> _Names:
    actors, sources = [event.actor for event in events], [event.source for event in events]
    return _Names(
        guides=_bulk(Guide.objects.all(), _ids(events, "guide_id") | _of("guide", actors)),
        stores=_bulk(Store.objects.all(), _ids(events, "store_id")),
        pushes=_bulk(TaskPush.objects.all(), _ids(events, "push_id")),
        tags=_bulk(Tag.objects.all(), _ids(events, "tag_id")),
        products=_bulk(Product.objects.all(), _ids(events, "product_id")),
        orders=_bulk(
            Order.objects.select_related("store", "selling_guide"), _ids(events, "order_id")
        ),
        coupons=_bulk(Coupon.objects.all(), _ids(events, "coupon_id")),
        targets=_bulk(TaskTarget.objects.all(), _of("task_target", sources)),
        users=_bulk(User.objects.all(), _of("user", actors)),
        keys=_bulk(ApiKey.objects.all(), _of("api_key", actors)),
    )


def _number(text: str) -> int:
    part = text.split(":")
    return int(part[1]) if len(part) > 1 and part[1].isdecimal() else 0


def _by(event: MemberEvent, names: _Names) -> str:
    """Who or what told us."""
    kind, number = event.actor.partition(":")[0], _number(event.actor)
    tables: Mapping[str, Mapping[int, Model]] = {
        "guide": names.guides, "user": names.users, "api_key": names.keys,
    }  # fmt: skip
    found = tables.get(kind, {}).get(number)
    if isinstance(found, User):
        return _("head office · %(name)s") % {"name": found.get_full_name()}
    if found is not None:
        return _("guide · %(name)s") % {"name": found} if kind == "guide" else str(found)
    return _source_words(event.source)


def _source_words(source: str) -> str:
    words = {
        "order": _("till"),
        "task_target": _("task"),
        "dispatch": _("WeCom send result"),
        "link_click": _("tracked link (WeCom identity)"),
        "tracked_link": _("tracked link (WeCom identity)"),
        "wecom": pgettext("menu", "WeCom"),
        "import": _("import"),
        "profiles": _("life-cycle run"),
        "profile": _("life-cycle run"),
        "stage_version": _("life-cycle run"),
        "serving_period": _("system"),
        "demo": _("demo data"),
        "task_rule": _("task rule"),
        "note": _("guide"),
        "visit": _("noted by a guide"),
        "coupon_issue": _("coupon page (the member's own sign-in)"),
    }
    kind, colon, _rest = source.partition(":")
    return str(words.get(kind) or ("" if colon else source))


# --- one function per kind of event: (what stands after the title, second line, source) -----------

Words = tuple[str, str, str]


def _order(event: MemberEvent, names: _Names) -> Words:
    product = names.products.get(event.payload.get("product_id") or 0)
    order = names.orders.get(event.payload.get("order_id") or 0)
    store = names.stores.get(event.payload.get("store_id") or 0)
    what = f"{product} · " if product else ""
    amount = order.net_fen if order else event.payload.get("net_fen") or 0
    guide = order.selling_guide.name if order and order.selling_guide else ""
    number = order.external_no if order else ""
    sold = _("sold by %(name)s") % {"name": guide} if guide else ""
    detail = " · ".join(filter(None, [number, sold]))
    return f"{what}{format_fen(amount)}", detail, _("till · %(store)s") % {"store": store or ""}


def _graded(event: MemberEvent, names: _Names) -> Words:
    grade = event.payload.get("grade") or 0
    proof = str(Grade(grade).label) if grade in Grade.values else ""
    guide, push = names.guide(event.payload), names.push(event.payload)
    source = _("WeCom send result") if grade == Grade.DELIVERED else _by(event, names)
    return " · ".join(filter(None, [proof, guide])), push, source


def _failed(event: MemberEvent, names: _Names) -> Words:
    state = event.payload.get("state", "")
    words = dict(DispatchRecipient.State.choices).get(state, "")
    return str(words), names.guide(event.payload), _("WeCom send result")


def _task(event: MemberEvent, names: _Names) -> Words:
    target = names.targets.get(_number(event.source))
    detail = ""
    if target is not None and event.kind == Kind.TASK_ISSUED and target.why:
        detail = _("why: %(why)s") % {"why": target.why}
    elif target is not None and event.kind == Kind.TASK_EXCUSED:
        detail = target.excuse_sentence if target.state == State.NOT_APPLICABLE else ""
    push, guide = names.push(event.payload), names.guide(event.payload)
    if not push and target is not None:
        push = str(names.pushes.get(target.push_id, ""))
    return " · ".join(filter(None, [push, guide])), detail, _by(event, names)


def _outcome(event: MemberEvent, names: _Names) -> Words:
    source = str(event.payload.get("source") or "")
    order = names.orders.get(event.payload.get("order_id") or 0)
    text = format_fen(order.net_fen) if order else ""
    if event.kind == Kind.PURCHASED:
        return text, names.push(event.payload), _("till")
    return names.push(event.payload), "", _source_words(source) or _by(event, names)


def _coupon(event: MemberEvent, names: _Names) -> Words:
    coupon = names.coupons.get(event.payload.get("coupon_id") or 0)
    order = names.orders.get(event.payload.get("order_id") or 0)
    guide = names.guide(event.payload)
    given = _("given by %(name)s") % {"name": guide} if guide else _("given at joining")
    if event.payload.get("handed"):
        return str(coupon or ""), _("handed over by %(name)s") % {"name": guide}, _by(event, names)
    detail = f"{given} · {order.external_no}" if order else given
    return str(coupon or ""), detail, _("till") if order else _by(event, names)


def _friend(event: MemberEvent, names: _Names) -> Words:
    ended = event.payload.get("ended_by", "")
    words = dict(FollowRelation.EndedBy.choices).get(ended, "")
    detail = _("ended by: %(who)s") % {"who": words} if words else ""
    return names.guide(event.payload), detail, pgettext("menu", "WeCom")


_REASONS = {
    "first_assignment": gettext_lazy("first assignment"),
    "guide_left": gettext_lazy("the guide before has left"),
}


def _serving(event: MemberEvent, names: _Names) -> Words:
    store = names.stores.get(event.payload.get("store_id") or 0)
    return (
        " · ".join(filter(None, [names.guide(event.payload), str(store or "")])),
        str(_REASONS.get(str(event.payload.get("reason") or ""), "")),
        _by(event, names),
    )


def _tag(event: MemberEvent, names: _Names) -> Words:
    return str(names.tags.get(event.payload.get("tag_id") or 0, "")), "", _by(event, names)


def _stage(event: MemberEvent, names: _Names) -> Words:
    words = dict(Stage.choices)
    before, after = event.payload.get("from", ""), event.payload.get("to", "")
    return f"{words.get(before, before)} → {words.get(after, after)}", "", _("life-cycle run")


def _consent(event: MemberEvent, names: _Names) -> Words:
    words = dict(Consent.Purpose.choices)
    purpose = event.payload.get("purpose", "")
    return str(words.get(purpose, purpose)), "", _by(event, names)


def _appointment(event: MemberEvent, names: _Names) -> Words:
    store = names.stores.get(event.payload.get("store_id") or 0)
    what = dict(AppointmentKind.choices).get(event.payload.get("appointment", ""), "")
    words = [str(what), str(store or ""), names.guide(event.payload)]
    by = _("the customer") if event.actor == BY_CUSTOMER else _by(event, names)
    return " · ".join(filter(None, words)), "", by


def _complaint(event: MemberEvent, names: _Names) -> Words:
    store = names.stores.get(event.payload.get("store_id") or 0)
    what = dict(Complaint.choices).get(event.payload.get("complaint", ""), "")
    result = dict(Result.choices).get(event.payload.get("result", ""), "")
    words = [str(what), str(result), str(store or "")]
    return " · ".join(filter(None, words)), "", _by(event, names)


def _concession(event: MemberEvent, names: _Names) -> Words:
    store = names.stores.get(event.payload.get("store_id") or 0)
    what = dict(Concession.choices).get(event.payload.get("concession", ""), "")
    percent = event.payload.get("percent")
    words = [str(what), f"{percent}%" if percent else "", str(store or "")]
    return " · ".join(filter(None, words)), "", _by(event, names)


def _plain(event: MemberEvent, names: _Names) -> Words:
    return names.guide(event.payload), "", _by(event, names)


_WORDS: dict[str, Callable[[MemberEvent, _Names], Words]] = {
    Kind.ORDER_PLACED: _order,
    Kind.ORDER_RETURNED: _order,
    Kind.CONTACT_GRADED: _graded,
    Kind.CONTACT_FAILED: _failed,
    Kind.TASK_ISSUED: _task,
    Kind.TASK_DONE: _task,
    Kind.TASK_EXCUSED: _task,
    Kind.TASK_EXPIRED: _task,
    Kind.TASK_MOVED: _task,
    Kind.ENGAGED: _outcome,
    Kind.VISITED: _outcome,
    Kind.PURCHASED: _outcome,
    Kind.COUPON_GIVEN: _coupon,
    Kind.COUPON_USED: _coupon,
    Kind.COUPON_BACK: _coupon,
    Kind.COUPON_WITHDRAWN: _coupon,
    Kind.FRIEND_ADDED: _friend,
    Kind.FRIEND_ENDED: _friend,
    Kind.SERVING_CHANGED: _serving,
    Kind.TAGGED: _tag,
    Kind.UNTAGGED: _tag,
    Kind.STAGE_CHANGED: _stage,
    Kind.CONSENT_GIVEN: _consent,
    Kind.CONSENT_WITHDRAWN: _consent,
    Kind.APPOINTMENT_BOOKED: _appointment,
    Kind.APPOINTMENT_KEPT: _appointment,
    Kind.APPOINTMENT_MISSED: _appointment,
    Kind.APPOINTMENT_CANCELLED: _appointment,
    Kind.CASE_OPENED: _complaint,
    Kind.CASE_CLOSED: _complaint,
    Kind.CASE_REOPENED: _complaint,
    Kind.CONCESSION_GRANTED: _concession,
}


def tell(events: list[MemberEvent]) -> list[TimelineLine]:
    """The events of a page in words, in a fixed number of queries."""
    names = _read(events)
    lines = []
    for event in events:
        text, detail, source = _WORDS.get(event.kind, _plain)(event, names)
        late = event.recorded_at - event.occurred_at > LATE
        lines.append(
            TimelineLine(
                kind=event.kind,
                at=event.occurred_at,
                title=str(Kind(event.kind).label) if event.kind in Kind.values else event.kind,
                text=text,
                detail=detail,
                source=source,
                recorded_at=event.recorded_at if late else None,
                mark=_MARK.get(event.kind, ""),
            )
        )
    return lines
