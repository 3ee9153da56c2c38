"""Deletion asked for by a member: every room forgets its part, in one transaction, with proof.

What stays and why: orders and events keep a number that leads to nobody (receipts are kept by
law); consents stay, withdrawn, as proof of what was allowed; the stop mark stands. Raw callbacks
hold WeCom's id until their own keeping is over.
"""

from datetime import datetime

from django.db import transaction

from apps.accounts.actor import Actor
from apps.accounts.services import audit
from apps.appointments import services as appointments
from apps.cases import services as cases
from apps.concessions import services as concessions
from apps.customer_groups.services import erasure as customer_groups
from apps.guide_tasks.services import erasure as tasks
from apps.handovers.services import erasure as handovers
from apps.loyalty import services as loyalty
from apps.member_portal.models import DataRequest, PhoneCode
from apps.member_portal.services.codes import phone_key
from apps.member_portal.services.contact_codes import take_back_codes
from apps.member_portal.services.requests import RequestSettled
from apps.members.models import MemberIdentity
from apps.members.selectors import identity_values, survivor_group
from apps.members.services.erasure import erase_member
from apps.outreach.services import erasure as outreach
from apps.stock import services as stock
from apps.tagging import services as tagging
from apps.wecom_sync.services import erasure as wecom_sync

Kind = MemberIdentity.Kind
State = DataRequest.State
KEPT = ["orders", "coupons", "events", "consents", "stop_mark"]


@transaction.atomic
def erase(*, request_id: int, actor: Actor, now: datetime) -> DataRequest:
    """Do what an open request asks. Raises RequestSettled."""
    row = DataRequest.objects.select_for_update().select_related("member").get(pk=request_id)
    if row.state != State.OPEN or row.kind != DataRequest.Kind.ERASE:
        raise RequestSettled
    member_id = row.member.survivor_id
    ids = survivor_group(member_id)
    phones = [value for _scope, value in identity_values(member_id=member_id, kind=Kind.PHONE)]
    contacts = [
        value for _scope, value in identity_values(member_id=member_id, kind=Kind.EXTERNAL_USERID)
    ]
    erased = erase_member(
        member_id=member_id, source=f"data_request:{row.pk}", now=now, actor=actor
    )
    erased["messages"] = outreach.forget_members(member_ids=ids)
    erased["tasks"] = tasks.forget_members(member_ids=ids, now=now)
    erased["friend_news"] = wecom_sync.forget_contacts(external_userids=contacts)
    erased["groups"] = customer_groups.forget_contacts(external_userids=contacts)
    erased["handovers"] = handovers.forget_members(member_ids=ids, now=now)
    # levels of stock before coupons, as the till's orders take them
    erased["pieces"] = stock.forget_members(member_ids=ids, now=now)
    erased["coupons"] = loyalty.forget_members(member_ids=ids, now=now)
    erased["appointments"] = appointments.forget_members(member_ids=ids, now=now)
    erased["complaints"] = cases.forget_members(member_ids=ids, now=now)
    erased["concessions"] = concessions.forget_members(member_ids=ids, now=now)
    erased["tags"] = tagging.forget_members(member_ids=ids)
    keys = [phone_key(phone) for phone in phones]
    erased["codes"] = PhoneCode.objects.filter(phone_key__in=keys).delete()[0]
    erased["sms"] = outreach.forget_numbers(phone_keys=keys)
    take_back_codes(member_ids=ids, now=now)
    row.state, row.settled_at, row.settled_by = State.DONE, now, actor.label
    row.proof = {"erased": erased, "kept": KEPT}
    row.save(update_fields=["state", "settled_at", "settled_by", "proof"])
    audit(
        actor=actor,
        action="member.erased",
        object_type="members.member",
        object_id=member_id,
        detail={"request": row.pk, **erased},
    )
    return row
