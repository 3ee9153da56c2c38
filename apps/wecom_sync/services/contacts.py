"""Contacts of WeCom become members: known by external id or unionid, made when really new."""

from collections.abc import Sequence
from datetime import datetime

from apps.accounts.actor import SYSTEM
from apps.members import services as members
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


def _row(corp_id: str, contact: Contact, known: bool, *, unionid: bool) -> members.MemberRow:
    union = _by_unionid(contact) if unionid else None
    identities = [_by_external(corp_id, contact), *([union] if union else [])]
    if known:  # a nickname does not replace the name a member gave us
        return members.MemberRow(identities=identities, source=SOURCE)
    return members.MemberRow(
        identities=identities,
        name=contact.name[:60],
        gender=_GENDERS.get(contact.gender, Member.Gender.UNKNOWN),
        source=SOURCE,
    )


def members_of_contacts(
    *, corp_id: str, contacts: Sequence[Contact], now: datetime
) -> dict[str, int]:
    """External id → survivor, set-wise, in the caller's transaction.

    When external id and unionid lead to two members, the external id decides and nothing is merged.
    """
    by_id = {contact.external_userid: contact for contact in contacts}
    rows = list(by_id.values())
    known = find_identities(
        [
            given
            for contact in rows
            for given in (_by_external(corp_id, contact), _by_unionid(contact))
            if given
        ]
    )

    def is_known(contact: Contact) -> bool:
        return _by_external(corp_id, contact) in known or _by_unionid(contact) in known

    found = _resolve([_row(corp_id, one, is_known(one), unionid=True) for one in rows], now)
    conflicts = [one for one, member_id in zip(rows, found, strict=True) if member_id is None]
    again = _resolve([_row(corp_id, one, is_known(one), unionid=False) for one in conflicts], now)
    answer = {one.external_userid: member_id for one, member_id in zip(rows, found, strict=True)}
    answer |= {one.external_userid: who for one, who in zip(conflicts, again, strict=True)}
    return {external_userid: who for external_userid, who in answer.items() if who is not None}


def _resolve(rows: list[members.MemberRow], now: datetime) -> list[int | None]:
    if not rows:
        return []
    answers = members.resolve_members(rows=rows, now=now, source=SOURCE, actor=SYSTEM)
    return [answer.member_id for answer in answers]
