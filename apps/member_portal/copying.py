"""The copy of everything kept about a member, for TA to take along."""

from typing import Any

from apps.appointments import selectors as appointments
from apps.cases import selectors as cases
from apps.concessions import selectors as concessions
from apps.concessions.services import what
from apps.core import clock, pii
from apps.core.clock import minute_words
from apps.loyalty.selectors import coupons_of, movements_of, points_of, worth_words
from apps.member_portal.holdings import rest_of
from apps.members.models import (
    ConfirmedFact,
    Consent,
    EnrolDraft,
    FollowRelation,
    JoinRefusal,
    Member,
    MemberIdentity,
    MemberNote,
    ServingPeriod,
    StopMark,
)
from apps.members.selectors import survivor_group
from apps.orders.selectors import orders_of
from apps.outreach.models import DispatchRecipient
from apps.reports.enrolments import words_of
from apps.stock import selectors as stock
from apps.tagging.selectors import tags_of
from apps.timeline.models import Kind
from apps.timeline.selectors import timeline_page

ALL_ORDERS = 5_000
ALL_EVENTS = 5_000


def _identities(ids: list[int]) -> list[dict[str, str]]:
    rows = MemberIdentity.objects.filter(member_id__in=ids).order_by("pk")
    return [
        {
            "kind": str(row.get_kind_display()),
            "value": pii.decrypt(row.value_enc),
            "source": row.source,
            "since": minute_words(row.first_seen_at),
        }
        for row in rows
    ]


def _relations(ids: list[int]) -> dict[str, list[dict[str, str]]]:
    serving = ServingPeriod.objects.filter(member_id__in=ids).select_related("guide", "store")
    friends = FollowRelation.objects.filter(member_id__in=ids).select_related("guide")
    return {
        "serving_guides": [
            {
                "guide": row.guide.name,
                "store": row.store.name,
                "since": minute_words(row.since),
                "until": minute_words(row.until),
            }
            for row in serving.order_by("since")
        ],
        "wecom_friends": [
            {
                "guide": row.guide.name,
                "since": minute_words(row.since),
                "until": minute_words(row.until),
            }
            for row in friends.order_by("since")
        ],
    }


def _said(ids: list[int]) -> dict[str, list[dict[str, str]]]:
    consents = Consent.objects.filter(member_id__in=ids).order_by("given_at")
    stops = StopMark.objects.filter(member_id__in=ids).order_by("since")
    return {
        "consents": [
            {
                "purpose": str(row.get_purpose_display()),
                "text_version": row.text_version,
                "channel": row.channel,
                "given": minute_words(row.given_at),
                "withdrawn": minute_words(row.withdrawn_at),
            }
            for row in consents
        ],
        "stops": [
            {"since": minute_words(row.since), "until": minute_words(row.until)} for row in stops
        ],
    }


def _orders(ids: list[int]) -> list[dict[str, Any]]:
    return [
        {
            "number": order.external_no,
            "kind": order.kind,
            "paid": minute_words(order.paid_at),
            "store": order.store_name,
            "amount": f"{order.net_fen / 100:.2f}",
            "lines": [
                f"{line.product} {line.colour} {line.size} × {line.quantity.normalize():f}"
                for line in order.lines
            ],
        }
        for order in orders_of(member_ids=ids, limit=ALL_ORDERS)
    ]


def _coupons(ids: list[int]) -> list[dict[str, str]]:
    return [
        {
            "name": issue.coupon.name,
            "worth": worth_words(issue.coupon),
            "code": issue.code,
            "given": minute_words(issue.issued_at),
            "by": issue.guide.name if issue.guide else "",
            "until": minute_words(issue.expires_at),
            "seen": minute_words(issue.opened_at),
            "used": minute_words(issue.used_at),
            "handed_over_by": issue.handed_by.name if issue.handed_by else "",
            "order": issue.order.external_no if issue.order else "",
        }
        for issue in coupons_of(member_ids=ids, limit=ALL_ORDERS, all_kept=True)
    ]


def _points(ids: list[int]) -> dict[str, Any]:
    now = clock.now()
    return {
        "points_left": points_of(member_ids=ids, now=now).points,
        "points": [
            {
                "day": f"{one.day:%Y-%m-%d}",
                "what": str(one.kind.label),
                "points": one.points,
                "store": one.store,
                "until": f"{one.expires_on:%Y-%m-%d}" if one.expires_on else "",
            }
            for one in movements_of(member_ids=ids, now=now)
        ],
    }


def _messages(ids: list[int]) -> list[dict[str, str]]:
    sent = (
        DispatchRecipient.objects.filter(member_id__in=ids)
        .select_related("dispatch__guide")
        .order_by("pk")
    )
    return [
        {
            "from": row.dispatch.guide.name,
            "text": row.dispatch.text,
            "state": str(row.get_state_display()),
            "at": minute_words(row.result_at or row.dispatch.created_at),
        }
        for row in sent
    ]


def _kept_by_guides(ids: list[int]) -> dict[str, list[dict[str, str]]]:
    notes = MemberNote.objects.standing().filter(member_id__in=ids).order_by("created_at")
    facts = ConfirmedFact.objects.filter(member_id__in=ids).order_by("confirmed_at")
    drafts = EnrolDraft.objects.filter(member_id__in=ids).order_by("made_at")
    refusals = JoinRefusal.objects.filter(member_id__in=ids).order_by("at")
    return {
        "did_not_join": [
            {"why": str(row.get_reason_display()), "at": minute_words(row.at)} for row in refusals
        ],
        "invited_as": [
            {"called": pii.decrypt(row.called_enc), "at": minute_words(row.made_at)}
            for row in drafts
        ],
        "notes_of_guides": [
            {"text": pii.decrypt(row.body_enc), "at": minute_words(row.created_at)} for row in notes
        ],
        "facts": [
            {
                "what": str(row.get_kind_display()),
                "word": row.word,
                "at": minute_words(row.confirmed_at),
            }
            for row in facts
        ],
    }


def _appointments(ids: list[int]) -> list[dict[str, str]]:
    return [
        {
            "what": str(row.get_kind_display()),
            "at": minute_words(row.starts_at),
            "store": row.store.name,
            "guide": row.guide.name,
            "state": str(row.get_state_display()),
            "why": str(row.get_reason_display()) if row.reason else "",
            "note": appointments.note_of(row),
        }
        for row in appointments.all_of(member_ids=ids)
    ]


def _complaints(ids: list[int]) -> list[dict[str, str]]:
    return [
        {
            "what": str(row.get_kind_display()),
            "said": cases.words_of(row),
            "photos": str(len(row.photos.all())),
            "at": minute_words(row.opened_at),
            "store": row.store.name,
            "state": str(row.get_state_display()),
            "result": str(row.get_result_display()) if row.result else "",
        }
        for row in cases.all_of(member_ids=ids)
    ]


def _concessions(ids: list[int]) -> list[dict[str, str]]:
    return [
        {
            "what": what(row),
            "at": minute_words(row.asked_at),
            "store": row.store.name,
            "why": str(row.get_reason_display()),
            "state": str(row.get_state_display()),
        }
        for row in concessions.all_of(member_ids=ids)
    ]


def _pieces(ids: list[int]) -> list[dict[str, str]]:
    return [
        {
            "what": str(row.get_kind_display()),
            "goods": " ".join(filter(None, [row.product.name, row.product.size])),
            "at": minute_words(row.asked_at),
            "from": row.giving_store.name,
            "for": row.asking_store.name,
            "guide": row.asking_guide.name,
            "state": str(row.get_state_display()),
            "why": str(row.get_reason_display()) if row.reason else "",
        }
        for row in stock.requests_of(member_ids=ids)
    ]


def copy_of(*, member: Member) -> dict[str, Any]:
    """Everything we hold about a person, readable (`holdings` says from where); a fixed number
    of queries."""
    ids = survivor_group(member.pk)
    events = timeline_page(member_ids=ids, limit=ALL_EVENTS)
    labels = dict(Kind.choices)
    return {
        "account": {
            "name": member.name,
            "gender": str(member.get_gender_display()) if member.gender else "",
            "birthday": (f"{member.birth_month}-{member.birth_day}" if member.birth_month else ""),
            "level": member.level,
            "joined": minute_words(member.joined_at),
            "source": words_of(member.joined_by or member.source),
        },
        "identities": _identities(ids),
        **_said(ids),
        **_relations(ids),
        "tags": [tag.name for tag in tags_of([member.pk]).get(member.pk, [])],
        "orders": _orders(ids),
        "coupons": _coupons(ids),
        **_points(ids),
        "messages": _messages(ids),
        **_kept_by_guides(ids),
        **rest_of(member_id=member.pk, ids=ids),
        "appointments": _appointments(ids),
        "complaints": _complaints(ids),
        "concessions": _concessions(ids),
        "pieces_kept": _pieces(ids),
        "events": [
            {"what": str(labels.get(event.kind, event.kind)), "at": minute_words(event.occurred_at)}
            for event in events
        ],
    }
