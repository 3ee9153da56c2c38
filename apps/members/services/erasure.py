"""A person asked to be deleted: what names them goes, what counts without a name stays."""

from datetime import datetime

from django.db import transaction
from django.db.models import CharField, F, Value
from django.db.models.functions import Cast, Concat

from apps.accounts.actor import Actor
from apps.members.models import (
    AccessRequest,
    ConfirmedFact,
    Consent,
    EnrolDraft,
    FollowRelation,
    FollowUp,
    JoinRefusal,
    Member,
    MemberIdentity,
    MemberMerge,
    MemberNote,
)
from apps.members.selectors import survivor_group
from apps.members.services.consents import stop_contact, withdraw_consent
from apps.members.services.relations import end_follows

# what stands where WeCom's id of a person stood
GONE = "erased:"


def nobody_of_row() -> Concat:
    """A placeholder that is unique for its row."""
    return Concat(Value(GONE), Cast(F("pk"), CharField()))


@transaction.atomic
def erase_member(*, member_id: int, source: str, now: datetime, actor: Actor) -> dict[str, int]:
    """Take away name, birthday, identifiers, notes, facts and WeCom ids of everybody merged into
    this member. Consents stay as proof, withdrawn; a stop mark stands. Returns what went, by kind.
    """
    ids = survivor_group(member_id)
    list(Member.objects.select_for_update().filter(pk__in=ids).order_by("pk").values_list("pk"))
    stop_contact(member_id=member_id, source=source, now=now, actor=actor)
    for one in Consent.objects.valid().filter(member_id__in=ids):
        withdraw_consent(
            member_id=one.member_id, purpose=one.purpose, channel=source, now=now, actor=actor
        )
    friends = FollowRelation.objects.filter(member_id__in=ids)
    end_follows(
        relation_ids=list(friends.filter(until=None).values_list("pk", flat=True)),
        at=now,
        ended_by=FollowRelation.EndedBy.RECONCILED,
        actor=actor,
    )
    FollowUp.objects.filter(member_id__in=ids).delete()
    EnrolDraft.objects.filter(member_id__in=ids).delete()
    JoinRefusal.objects.filter(member_id__in=ids).delete()
    MemberMerge.objects.filter(survivor_id__in=ids).update(before_image_enc=None, evidence={})
    looks = AccessRequest.objects.filter(member_id__in=ids)
    looks.end_waiting(AccessRequest.State.REFUSED, by=actor.label, at=now)
    erased = {
        "identities": MemberIdentity.objects.filter(member_id__in=ids).delete()[0],
        "notes": MemberNote.objects.filter(member_id__in=ids).delete()[0],
        "facts": ConfirmedFact.objects.filter(member_id__in=ids).delete()[0],
        "friendships": friends.update(external_userid=nobody_of_row(), state=""),
    }
    erased["members"] = Member.objects.filter(pk__in=ids).update(
        name="",
        gender="",
        phone_last4="",
        birth_month=None,
        birth_day=None,
        level="",
        erased_at=now,
    )
    return erased
