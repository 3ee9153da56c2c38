"""A sheet of members is brought row by row in one transaction: it holds its people beforehand."""

from collections.abc import Collection

from django.db import transaction

from apps.core.locks import take_turn
from apps.members.models import MemberIdentity
from apps.members.selectors import find_identities
from apps.members.services.identities import take_turns_for
from apps.members.services.relations import lock_members

_TURN = "members.import"
_PHONE = MemberIdentity.Kind.PHONE


@transaction.atomic
def hold_members(*, phones: Collection[str]) -> int:
    """Wait for the sheet of a colleague, take the turns of the strangers among these, then hold the
    known members in the one order of all writers: two who name the same people in another order
    would block each other.

    To the end of the caller's transaction. Returns how many are known.
    """
    take_turn(_TURN)
    given = {(_PHONE, "", phone) for phone in phones}
    take_turns_for(given)
    known = find_identities(given)
    ids = {found.survivor_id for found in known.values()}
    lock_members(ids)
    return len(ids)
