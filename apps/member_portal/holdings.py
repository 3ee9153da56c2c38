"""Where a member's rows stand, and what of them the copy of one's data says.

Every model that points at a member has a line here, so that no room is forgotten: a test reads the
models and compares.
"""

from typing import Any

from django.db.models import Model

from apps.contact_codes.models import CodeAdd
from apps.core.clock import minute_words
from apps.customer_groups.models import GroupMembership
from apps.guide_tasks.models import TaskTarget
from apps.member_portal.models import DataRequest
from apps.members.models import FollowUp, Interaction
from apps.profiles.models import MemberFacts, MemberProfile

# the part of the copy that tells what a model holds
IN_COPY = {
    "appointments.Appointment": "appointments",
    "cases.ServiceCase": "complaints",
    "concessions.Concession": "concessions",
    "contact_codes.CodeAdd": "codes_scanned",
    "customer_groups.GroupMembership": "groups",
    "guide_tasks.TaskTarget": "work_of_guides",
    "member_portal.DataRequest": "requests",
    "loyalty.CouponIssue": "coupons",
    "loyalty.PointsEntry": "points",
    "loyalty.PointsLot": "points",
    "members.ConfirmedFact": "facts",
    "members.Consent": "consents",
    "members.EnrolDraft": "invited_as",
    "members.FollowRelation": "wecom_friends",
    "members.FollowUp": "days_to_turn_to_you",
    "members.Interaction": "contacts",
    "members.JoinRefusal": "did_not_join",
    "members.Member": "account",
    "members.MemberIdentity": "identities",
    "members.MemberNote": "notes_of_guides",
    "members.ServingPeriod": "serving_guides",
    "members.StopMark": "stops",
    "orders.Order": "orders",
    "orders.OrderLine": "orders",
    "outreach.DispatchRecipient": "messages",
    "profiles.MemberFacts": "profile",
    "profiles.MemberProfile": "profile",
    "stock.StockRequest": "pieces_kept",
    "tagging.MemberTags": "tags",
    "timeline.MemberEvent": "events",
}
# how the machine works, and nothing about the person that the copy does not say elsewhere
NOT_IN_COPY = {
    "campaigns.CampaignAssignment": "a draw by chance; no part of it is about the person",
    "guide_tasks.NotIssued": "a message that was never written",
    "handovers.HandoverItem": "the step between two serving guides, who are both told",
    "handovers.OwnershipClaim": "which of our staff asked to serve; whoever does is told",
    "member_portal.ContactCode": "the address behind the picture on the member's own page",
    "members.AccessRequest": "which of our staff asked to see the record: kept for audits",
    "members.MemberMerge": "how rows of one person came together; what is left is told",
    "outreach.ContactBudget": "a counter of the messages; ours are told one by one",
    "outreach.LinkClick": "who opened a link, until it is among the events a moment later",
    "tagging.TagChange": "how the tags came about; each change is among the events",
    "wecom_sync.TagWord": "tags on their way to WeCom",
}
# of what is worked out about a person each column: told in the copy, or why it is not
TOLD = {
    "profiles.MemberProfile": (
        "stage",
        "stage_since",
        "first_order_on",
        "last_order_on",
        "order_count",
        "order_days",
        "net_fen",
        "orders_365",
        "net_365_fen",
    ),
    "profiles.MemberFacts": (
        "favourite_category",
        "shoe_size",
        "clothing_size",
        "usual_gap_days",
    ),
    "guide_tasks.TaskTarget": (
        "push",
        "why",
        "guide",
        "opens_at",
        "state",
        "value_fen",
        "excuse_sentence",
    ),
}
_KEY = "a key of ours"
_CONTACT = "how it went is among the contacts, the messages, the orders and the events"
NOT_TOLD = {
    "profiles.MemberProfile": {
        "member_id": _KEY,
        "stage_version_id": "which edition of the chain's limits the stage goes by",
    },
    "profiles.MemberFacts": {
        "member_id": _KEY,
        "last_product_id": "a line of the newest order, which is told with its goods",
        "last_store_id": "the store of the newest order, which is told",
    },
    "guide_tasks.TaskTarget": {
        "id": _KEY,
        "task": "the guide's share, which holds others too",
        "store": "where that guide worked then: about the guide",
        "member": _KEY,
        "external_userid": "among the identities",
        "due_at": "until when the guide was to do it: about the guide",
        "excuse_reason": "`excuse_sentence` says it in words",
        "cause": "what made the work, so that it is made once; `why` says it in words",
        "created_at": "when the row was written; `opens_at` is the day that counts",
        "contact_grade": _CONTACT,
        "started_at": _CONTACT,
        "contacted_at": _CONTACT,
        "done_at": _CONTACT,
        "engaged_at": _CONTACT,
        "visited_at": _CONTACT,
        "purchased_at": _CONTACT,
    },
}


def _ways(ids: list[int]) -> dict[str, list[dict[str, str]]]:
    stays = GroupMembership.objects.filter(member_id__in=ids).select_related("group")
    scans = CodeAdd.objects.filter(member_id__in=ids).select_related("code", "guide")
    return {
        "groups": [
            {
                "group": row.group.name,
                "since": minute_words(row.joined_at),
                "until": minute_words(row.left_at),
            }
            for row in stays.order_by("joined_at", "pk")
        ],
        "codes_scanned": [
            {"code": row.code.title, "guide": row.guide.name, "at": minute_words(row.at)}
            for row in scans.order_by("at", "pk")
        ],
    }


def _by_guides(ids: list[int]) -> dict[str, list[dict[str, str]]]:
    days = FollowUp.objects.filter(member_id__in=ids).select_related("guide")
    contacts = Interaction.objects.filter(member_id__in=ids).select_related("guide")
    work = TaskTarget.objects.filter(member_id__in=ids).select_related("push", "guide")
    return {
        "days_to_turn_to_you": [
            {
                "day": f"{row.due_on:%Y-%m-%d}",
                "guide": row.guide.name,
                "over": minute_words(row.closed_at),
            }
            for row in days.order_by("due_on", "pk")
        ],
        "contacts": [
            {
                "what": str(row.get_kind_display()),
                "guide": row.guide.name if row.guide else "",
                "at": minute_words(row.occurred_at),
                "why": str(row.get_reason_display()) if row.reason else "",
            }
            for row in contacts.order_by("occurred_at", "pk")
        ],
        "work_of_guides": [
            {
                "what": row.push.title,
                "why": row.why,
                "guide": row.guide.name,
                "since": minute_words(row.opens_at),
                "state": str(row.get_state_display()),
                "expected": _value(row, "value_fen") if row.value_fen else "",
                "not_done_because": row.excuse_sentence,
            }
            for row in work.order_by("opens_at", "pk")
        ],
    }


def _own(ids: list[int]) -> dict[str, list[dict[str, str]]]:
    asked = DataRequest.objects.filter(member_id__in=ids)
    return {
        "requests": [
            {
                "what": str(row.get_kind_display()),
                "state": str(row.get_state_display()),
                "asked": minute_words(row.asked_at),
                "answer": row.answer,
            }
            for row in asked.order_by("asked_at", "pk")
        ],
    }


def _profile(member_id: int) -> list[dict[str, str]]:
    """What was worked out from the purchases, as (what, value)."""
    rows: tuple[Model | None, ...] = (
        MemberProfile.objects.filter(member_id=member_id).first(),
        MemberFacts.objects.filter(member_id=member_id).first(),
    )
    found = [
        {"what": _name(row, name), "value": _value(row, name)}
        for row in rows
        if row is not None
        for name in TOLD[row._meta.label]
    ]
    return [one for one in found if one["value"]]


def _name(row: Any, field: str) -> str:
    return str(row._meta.get_field(field).verbose_name)


def _value(row: Any, field: str) -> str:
    """As people read it: the word of a choice, yuan, "" for what is not known."""
    value = getattr(row, field)
    if value is None:
        return ""
    if field.endswith("_fen"):
        return f"{value / 100:.2f}"
    word = getattr(row, f"get_{field}_display", None)
    return str(word() if word else value)


def rest_of(*, member_id: int, ids: list[int]) -> dict[str, Any]:
    """The parts of the copy that come from rooms with a few rows each; a fixed number of queries.
    `ids`: everybody this person ever was."""
    return {**_ways(ids), **_by_guides(ids), **_own(ids), "profile": _profile(member_id)}
