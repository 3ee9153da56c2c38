"""Contacts of WeCom become members: known by external id or unionid, made when really new."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from apps.accounts.actor import SYSTEM
from apps.members import services as members
from apps.members.invites import CONTACT_SCOPE, token_of_state
from apps.members.models import Member, MemberIdentity
from apps.members.selectors import find_identities
from apps.wecom.shapes import Contact

SOURCE = "wecom"

_GENDERS = {1: Member.Gender.MALE, 2: Member.Gender.FEMALE}
Given = tuple[str, str, str]


def _by_external(corp_id: str, contact: Contact) -> Given:
    return MemberIdentity.Kind.EXTERNAL_USERID, corp_id, contact.external_userid


def _by_unionid(contact: Contact) -> Given | None:
    return (MemberIdentity.Kind.UNIONID, "", contact.unionid) if contact.unionid else None


def _row(corp_id: str, contact: Contact, *, more: Sequence[Given | None]) -> members.MemberRow:
    """A nickname does not replace the name a member gave us: it names strangers only."""
    return members.MemberRow(
        identities=[_by_external(corp_id, contact), *(given for given in more if given)],
        name_if_new=contact.name[:60],
        gender_if_new=_GENDERS.get(contact.gender, Member.Gender.UNKNOWN),
        source=SOURCE,
    )


def members_of_contacts(
    *,
    corp_id: str,
    contacts: Sequence[Contact],
    now: datetime,
    states: Mapping[str, str] | None = None,
) -> dict[str, int]:
    """External id → survivor, set-wise, in the caller's transaction.

    `states` (by external id) is what WeCom sent along: a member's own contact code names the
    member, once: who adds the guide by a code that was passed on is somebody else. When identities
    lead to two members, the surer one decides (external id, code, unionid) and nothing is merged.
    """
    rows = list({contact.external_userid: contact for contact in contacts}.values())
    by_code = _unused_codes(corp_id, states or {})
    answer: dict[str, int] = {}
    for use_unionid, use_code in ((True, True), (False, True), (False, False)):
        left = [one for one in rows if one.external_userid not in answer]
        wanted = [
            _row(
                corp_id,
                one,
                more=[
                    _by_unionid(one) if use_unionid else None,
                    by_code.get(one.external_userid) if use_code else None,
                ],
            )
            for one in left
        ]
        pairs = zip(left, _resolve(wanted, now), strict=True)
        answer |= {one.external_userid: who for one, who in pairs if who is not None}
    return answer


def _unused_codes(corp_id: str, states: Mapping[str, str]) -> dict[str, Given]:
    """By external id, the codes of members whom no WeCom contact is known to be; each one once."""
    tokens = {ident: token_of_state(state) for ident, state in states.items()}
    codes: dict[str, Given] = {
        ident: (MemberIdentity.Kind.CHANNEL_ID, CONTACT_SCOPE, token)
        for ident, token in tokens.items()
        if token
    }
    if not codes:
        return {}
    holders = find_identities(codes.values())
    known = MemberIdentity.objects.filter(
        kind=MemberIdentity.Kind.EXTERNAL_USERID,
        scope=corp_id,
        member__survivor_id__in={holder.survivor_id for holder in holders.values()},
    )
    taken = set(known.values_list("member__survivor_id", flat=True))
    found = {}
    for ident, code in codes.items():
        holder = holders.get(code)  # a state that is nobody's token is only a word
        if holder is not None and holder.survivor_id not in taken:
            found[ident] = code
            taken.add(holder.survivor_id)
    return found


def _resolve(rows: list[members.MemberRow], now: datetime) -> list[int | None]:
    if not rows:
        return []
    answers = members.resolve_members(rows=rows, now=now, source=SOURCE, actor=SYSTEM)
    return [answer.member_id for answer in answers]
