"""Who is it: rows with identifiers become members, in sets, without ever merging two of them."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from django.db import connection, transaction
from django.utils.translation import gettext_lazy as _

from apps.accounts.actor import Actor
from apps.core import clock, pii, prepared
from apps.core.errors import DomainError
from apps.core.ids import uuid7
from apps.core.locks import take_turn, take_turns
from apps.members import story
from apps.members.models import Consent, Member, MemberIdentity
from apps.members.selectors import identities_by_key, normalise

Kind = MemberIdentity.Kind

# a person has one of each; a second one that differs may be somebody else, which a person decides
_ONE_PER_PERSON = frozenset({Kind.PHONE, Kind.UNIONID})
_KINDS = frozenset(Kind.values)
_MAX_VALUE = 128
# what lies further back stays a date on the row: the story would need a partition for every month
TOLD = timedelta(days=3653)
_NEVER = datetime.max.replace(tzinfo=UTC)
# held by whoever brings new identities: two batches must not both make the same person, nor each
# give one person a phone; an id drawn for an insert that conflicts would be lost from the dense
# sequence. A batch of a few names its people alone, a large one stops everybody
_TURN = "members.create"
_FEW = 250


class ErasedMeanwhile(DomainError):
    """One of the batch was deleted between looking and writing. The same again finds a stranger."""

    code = "erased_meanwhile"
    message = _("This person's data was deleted a moment ago. Try again.")


class ConsentRow(NamedTuple):
    purpose: str
    text_version: str
    channel: str
    given_at: datetime


@dataclass(frozen=True, slots=True)
class MemberRow:
    """What a source says about one person. Empty fields say nothing and change nothing.

    `identities` are (kind, scope, raw value): raw as the source wrote it. What a source only
    believes (`name_if_new`, `gender_if_new`) names a stranger and corrects nobody.
    """

    identities: list[tuple[str, str, str]]
    name: str = ""
    gender: str = ""
    name_if_new: str = ""
    gender_if_new: str = ""
    birth_month: int | None = None
    birth_day: int | None = None
    joined_at: datetime | None = None
    source: str = ""
    home_store_id: int | None = None
    enrolling_guide_id: int | None = None
    level: str = ""
    consents: list[ConsentRow] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class ResolvedMember:
    """The answer for one row: a survivor, or why there is none."""

    index: int
    member_id: int | None = None
    identity_ids: list[int] = field(default_factory=list)
    created: bool = False
    error: str = ""


Place = tuple[str, str, bytes]


class _Identity(NamedTuple):
    kind: str
    scope: str
    value: str
    key: bytes

    @property
    def place(self) -> Place:
        return self.kind, self.scope, self.key


class _BadRow(Exception):
    """Why this one row is left out."""


def _identity(kind: str, scope: str, raw: str) -> _Identity:
    if kind not in _KINDS:
        raise _BadRow("unknown_identity_kind")
    try:
        scope, value = normalise(kind, scope, raw)
    except pii.InvalidPhone as error:
        raise _BadRow("invalid_phone") from error
    if not value or len(value) > _MAX_VALUE:
        raise _BadRow("invalid_identity")
    return _Identity(kind, scope, value, pii.value_key(kind, scope, value))


_DRAW = """
SELECT nextval(pg_get_serial_sequence('members_member', 'id')) FROM generate_series(1, %s)
"""


class _Batch:
    """The state of one call: what is known, what is new, and who each row is."""

    def __init__(self, rows: list[MemberRow]) -> None:
        self.rows = rows
        self.identities: dict[int, list[_Identity]] = {}
        self.errors: dict[int, str] = {}
        # a person is a member id, or -(number) until an id is drawn
        self.person_of: dict[int, int] = {}
        self.known: dict[Place, int] = {}
        self.identity_ids: dict[Place, int] = {}
        self.holds: dict[tuple[int, str], set[bytes]] = {}
        self.new_identities: list[tuple[int, _Identity]] = []
        self.strangers = 0
        self.created: set[int] = set()
        for index, row in enumerate(rows):
            try:
                if not row.identities:
                    raise _BadRow("no_identity")
                self.identities[index] = [_identity(*given) for given in row.identities]
            except _BadRow as error:
                self.errors[index] = str(error)

    def load_known(self) -> None:
        """Look up the identities not known yet, and what else all their people hold."""
        wanted: dict[tuple[str, str], list[bytes]] = {}
        for kind, scope, key in self.unknown():
            wanted.setdefault((kind, scope), []).append(key)
        for (kind, scope), keys in wanted.items():
            for key, pk, _member_id, survivor in identities_by_key(kind, scope, keys):
                self.known[kind, scope, key] = survivor
                self.identity_ids[kind, scope, key] = pk
        self.holds = {}
        held = MemberIdentity.objects.filter(
            member__survivor_id__in=set(self.known.values()), kind__in=_ONE_PER_PERSON
        )
        for survivor, kind, held_key in held.values_list(
            "member__survivor_id", "kind", "value_key"
        ):
            self.holds.setdefault((survivor, kind), set()).add(bytes(held_key))

    def unknown(self) -> set[Place]:
        """Identities of the batch that nobody is known by."""
        given = (identity for found in self.identities.values() for identity in found)
        return {identity.place for identity in given} - self.known.keys()

    def take_turns(self) -> None:
        """Wait for batches about the same people, then look again at who is known now.

        Who was made while we waited may name more. All is given back before we wait for more:
        two who hold their turns and want each other's would block each other.
        """
        names = self._turns()
        while names:
            with transaction.atomic():  # a savepoint: what was taken in it goes back with it
                whole = len(names) > _FEW
                if whole:
                    take_turn(_TURN)
                else:
                    take_turns(_TURN, names)
                self.load_known()
                more = self._turns() - names
                if whole or not more:
                    return
                transaction.set_rollback(True)
            names |= more

    def _turns(self) -> set[str]:
        """What somebody else could bring at this moment: the new identities, and whom they join."""
        found = set()
        for identities in self.identities.values():
            places = {identity.place for identity in identities}
            if new := places - self.known.keys():
                found |= {key.hex() for _kind, _scope, key in new}
                found |= {str(self.known[place]) for place in places - new}
        return found

    def decide(self) -> None:
        """Say who each row is, in order; a row sees what the rows before it brought."""
        for index, identities in self.identities.items():
            try:
                person = self._person(identities)
                self._take(person, identities)
            except _BadRow as error:
                self.errors[index] = str(error)
            else:
                self.person_of[index] = person

    def _person(self, identities: list[_Identity]) -> int:
        hits = {self.known[found.place] for found in identities if found.place in self.known}
        if len(hits) > 1:
            raise _BadRow("identity_conflict")
        person = hits.pop() if hits else -(self.strangers + 1)
        brought: dict[str, set[bytes]] = {}
        for identity in identities:
            if identity.kind in _ONE_PER_PERSON:
                held = brought.setdefault(
                    identity.kind, set(self.holds.get((person, identity.kind), ()))
                )
                held.add(identity.key)
                if len(held) > 1:
                    raise _BadRow("identity_conflict")
        return person

    def _take(self, person: int, identities: list[_Identity]) -> None:
        if person == -(self.strangers + 1):
            self.strangers += 1
        for identity in identities:
            if identity.place not in self.known:
                self.known[identity.place] = person
                self.new_identities.append((person, identity))
            if identity.kind in _ONE_PER_PERSON:
                self.holds.setdefault((person, identity.kind), set()).add(identity.key)

    def name_strangers(self) -> None:
        """Draw ids for the really new, and put them where the placeholders stood."""
        if not self.strangers:
            return
        ids = prepared.read(_DRAW, [self.strangers])
        drawn = {-(number + 1): row[0] for number, row in enumerate(ids)}
        self.person_of = {index: drawn.get(who, who) for index, who in self.person_of.items()}
        self.new_identities = [(drawn.get(who, who), one) for who, one in self.new_identities]
        self.known = {place: drawn.get(who, who) for place, who in self.known.items()}
        self.created = set(drawn.values())


def _fields(rows: list[MemberRow], *, is_new: bool, source: str) -> dict[str, Any]:
    """What several rows about one person say together: the last word, the first join date and who
    told it."""
    found: dict[str, Any] = {}
    for row in rows:
        if is_new and row.name_if_new:
            found["name"] = row.name_if_new
        if is_new and row.gender_if_new:
            found["gender"] = row.gender_if_new
        for name in ("name", "gender", "birth_month", "birth_day", "home_store_id", "level"):
            if getattr(row, name) not in ("", None):
                found[name] = getattr(row, name)
        for name in ("source", "enrolling_guide_id"):
            if getattr(row, name) not in ("", None):
                found.setdefault(name, getattr(row, name))
        if row.joined_at is not None and row.joined_at < found.get("joined_at", _NEVER):
            found["joined_at"], found["joined_by"] = row.joined_at, row.source or source
    return found


_CREATE = """
INSERT INTO members_member (id, public_id, survivor_id, name, gender, phone_last4, birth_month,
    birth_day, joined_at, joined_by, source, enrolling_guide_id, home_store_id, level, created_at,
    updated_at)
SELECT id, public_id, id, coalesce(name, ''), coalesce(gender, ''), coalesce(phone_last4, ''),
    birth_month, birth_day, joined_at, coalesce(joined_by, ''), coalesce(source, %s),
    enrolling_guide_id, home_store_id, coalesce(level, ''), %s, %s
FROM json_to_recordset(%s::json) AS said (
    id bigint, public_id uuid, name text, gender text, phone_last4 text, birth_month smallint,
    birth_day smallint, joined_at timestamptz, joined_by text, source text,
    enrolling_guide_id bigint, home_store_id bigint, level text
)
"""


def _create(batch: _Batch, said: dict[int, dict[str, Any]], now: datetime, source: str) -> None:
    if not batch.created:
        return
    last4 = {
        person: identity.value[-4:]
        for person, identity in batch.new_identities
        if identity.kind == Kind.PHONE
    }
    rows = prepared.as_rows(
        {"id": person, "public_id": uuid7(), "phone_last4": last4.get(person), **said[person]}
        for person in sorted(batch.created)
    )
    prepared.write(_CREATE, [source, now, now, rows])


# empty columns of the new rows say nothing; joining, origin and enrolling guide are settled once
_UPDATE = """
UPDATE members_member AS member SET
    name = coalesce(said.name, member.name),
    gender = coalesce(said.gender, member.gender),
    birth_month = coalesce(said.birth_month, member.birth_month),
    birth_day = coalesce(said.birth_day, member.birth_day),
    home_store_id = coalesce(said.home_store_id, member.home_store_id),
    level = coalesce(said.level, member.level),
    source = CASE WHEN member.source = '' THEN coalesce(said.source, '') ELSE member.source END,
    enrolling_guide_id = coalesce(member.enrolling_guide_id, said.enrolling_guide_id),
    joined_at = coalesce(member.joined_at, said.joined_at),
    joined_by = CASE WHEN member.joined_at IS NULL THEN coalesce(said.joined_by, '')
        ELSE member.joined_by END,
    phone_last4 = coalesce(said.phone_last4, member.phone_last4),
    updated_at = %s
FROM unnest(
    %s::bigint[], %s::text[], %s::text[], %s::smallint[], %s::smallint[], %s::bigint[], %s::text[],
    %s::text[], %s::bigint[], %s::timestamptz[], %s::text[], %s::text[]
) AS said (
    id, name, gender, birth_month, birth_day, home_store_id, level, source, enrolling_guide_id,
    joined_at, joined_by, phone_last4
)
WHERE member.id = said.id AND (
    coalesce(said.name, member.name), coalesce(said.gender, member.gender),
    coalesce(said.birth_month, member.birth_month), coalesce(said.birth_day, member.birth_day),
    coalesce(said.home_store_id, member.home_store_id), coalesce(said.level, member.level),
    coalesce(nullif(member.source, ''), said.source, ''),
    coalesce(member.enrolling_guide_id, said.enrolling_guide_id),
    coalesce(member.joined_at, said.joined_at), coalesce(said.phone_last4, member.phone_last4)
) IS DISTINCT FROM (
    member.name, member.gender, member.birth_month, member.birth_day, member.home_store_id,
    member.level, member.source, member.enrolling_guide_id, member.joined_at, member.phone_last4
)
"""
_SAID = (
    "name", "gender", "birth_month", "birth_day", "home_store_id", "level", "source",
    "enrolling_guide_id", "joined_at", "joined_by", "phone_last4",
)  # fmt: skip


def _update(batch: _Batch, said: dict[int, dict[str, Any]], now: datetime) -> None:
    known = sorted(person for person in said if person not in batch.created)
    if not known:
        return
    # one order for all writers: two batches about the same people wait, they do not lock each other
    locked = Member.objects.select_for_update(no_key=True).filter(pk__in=known).order_by("pk")
    # who asked to be deleted since they were looked up must not get a name and a number back
    if any(erased_at for _pk, erased_at in locked.values_list("pk", "erased_at")):
        raise ErasedMeanwhile
    for person, identity in batch.new_identities:
        if identity.kind == Kind.PHONE and person in said:
            said[person]["phone_last4"] = identity.value[-4:]
    with connection.cursor() as cursor:
        cursor.execute(
            _UPDATE,
            [now, known, *([said[person].get(name) for person in known] for name in _SAID)],
        )


def _joining(persons: set[int]) -> set[int]:
    """Of these the ones that are members (会员) already."""
    return set(Member.objects.joined().filter(pk__in=persons).values_list("pk", flat=True))


_ADD_IDENTITIES = """
INSERT INTO members_memberidentity (kind, scope, value_key, key_version, value_enc, last4, source,
    member_id, first_seen_at)
SELECT kind, scope, value_key, %s, value_enc, last4, %s, member_id, %s
FROM json_to_recordset(%s::json) AS given (
    kind text, scope text, value_key bytea, value_enc bytea, last4 text, member_id bigint
)
RETURNING kind, scope, value_key, id
"""


def _add_identities(batch: _Batch, now: datetime, source: str) -> None:
    if not batch.new_identities:
        return
    rows = prepared.as_rows(
        {
            "kind": identity.kind,
            "scope": identity.scope,
            "value_key": identity.key,
            "value_enc": pii.encrypt(identity.value),
            "last4": identity.value[-4:] if identity.kind == Kind.PHONE else "",
            "member_id": person,
        }
        for person, identity in batch.new_identities
    )
    added = prepared.read(_ADD_IDENTITIES, [pii.KEY_VERSION, source, now, rows])
    batch.identity_ids |= {(kind, scope, key): pk for kind, scope, key, pk in added}


# a withdrawal is not undone by a source that repeats an older consent
_ADD_CONSENTS = """
INSERT INTO members_consent (member_id, purpose, text_version, channel, given_at, withdrawn_channel)
SELECT DISTINCT ON (member_id, purpose) member_id, purpose, text_version, channel, given_at, ''
FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::text[], %s::timestamptz[])
    AS given (member_id, purpose, text_version, channel, given_at)
WHERE NOT EXISTS (
    SELECT 1 FROM members_consent AS known
    WHERE known.member_id = given.member_id AND known.purpose = given.purpose
        AND (known.withdrawn_at IS NULL OR known.withdrawn_at >= given.given_at)
)
ORDER BY member_id, purpose, given_at
ON CONFLICT (member_id, purpose) WHERE withdrawn_at IS NULL DO NOTHING
RETURNING id, member_id, purpose, given_at
"""


def add_consents(*, given: list[tuple[int, ConsentRow]], source: str, actor: Actor) -> int:
    """Keep consents that are news, set-wise, and tell them; return how many there were."""
    if not given:
        return 0
    with connection.cursor() as cursor:
        cursor.execute(
            _ADD_CONSENTS,
            [
                [member_id for member_id, _consent in given],
                [consent.purpose for _member_id, consent in given],
                [consent.text_version for _member_id, consent in given],
                [consent.channel for _member_id, consent in given],
                [consent.given_at for _member_id, consent in given],
            ],
        )
        fresh = cursor.fetchall()
    return story.tell(
        [
            story.Happening(
                member_id=member_id,
                kind=story.What.CONSENT_GIVEN,
                source=source,
                key=f"consent:{consent_id}:given",
                occurred_at=given_at,
                payload={"purpose": purpose},
                actor=actor.label,
            )
            for consent_id, member_id, purpose, given_at in fresh
            if given_at > clock.now() - TOLD
        ]
    )


def _row_errors(batch: _Batch) -> None:
    for index, row in enumerate(batch.rows):
        purposes = {consent.purpose for consent in row.consents}
        if purposes - set(Consent.Purpose.values):
            batch.errors.setdefault(index, "unknown_purpose")
            batch.identities.pop(index, None)


def _tell(
    batch: _Batch,
    said: dict[int, dict[str, Any]],
    joined_before: set[int],
    now: datetime,
    source: str,
    actor: Actor,
) -> None:
    happenings = []
    for person, fields in said.items():
        joined_at = fields.get("joined_at")
        if person in batch.created:
            happenings.append(
                story.Happening(
                    member_id=person,
                    kind=story.What.CREATED,
                    source=source,
                    key=f"member:{person}:created",
                    occurred_at=max(min(joined_at or now, now), now - TOLD),
                    actor=actor.label,
                )
            )
        if joined_at is not None and person not in joined_before and joined_at > now - TOLD:
            happenings.append(
                story.Happening(
                    member_id=person,
                    kind=story.What.JOINED,
                    source=source,
                    key=f"member:{person}:joined",
                    occurred_at=joined_at,
                    actor=actor.label,
                )
            )
    story.tell(happenings)


@transaction.atomic
def resolve_members(
    *, rows: list[MemberRow], now: datetime, source: str, actor: Actor
) -> list[ResolvedMember]:
    """Find or make the member of each row, set-wise; one answer per row, in order.

    An identity known to one member brings the row's other identities to that member. Identities of
    two members, or a second phone or unionid of one, are `identity_conflict`: nothing is merged,
    nothing written for that row. Ids are drawn only for members that are really new.

    Raises ErasedMeanwhile, with nothing written: the caller begins anew.
    """
    batch = _Batch(rows)
    _row_errors(batch)
    batch.load_known()
    batch.take_turns()
    batch.decide()
    batch.name_strangers()
    said = _said(batch, source)
    joined_before = _joining(set(said) - batch.created)
    _create(batch, said, now, source)
    _update(batch, said, now)
    _add_identities(batch, now, source)
    _tell(batch, said, joined_before, now, source, actor)
    add_consents(
        given=[
            (person, consent)
            for index, person in batch.person_of.items()
            for consent in rows[index].consents
        ],
        source=source,
        actor=actor,
    )
    return _answers(batch)


def take_turns_for(given: Iterable[tuple[str, str, str]]) -> None:
    """Have the turns of all strangers among these (kind, scope, raw value) at once, as one batch of
    them would: who brings them one by one would hold some while waiting for others."""
    batch = _Batch([MemberRow(identities=[one]) for one in given])
    batch.load_known()
    batch.take_turns()


def _said(batch: _Batch, source: str) -> dict[int, dict[str, Any]]:
    rows_of: dict[int, list[MemberRow]] = {}
    for index, person in batch.person_of.items():
        rows_of.setdefault(person, []).append(batch.rows[index])
    return {
        person: _fields(rows, is_new=person in batch.created, source=source)
        for person, rows in rows_of.items()
    }


def _answers(batch: _Batch) -> list[ResolvedMember]:
    answers, seen = [], set()
    for index in range(len(batch.rows)):
        if index in batch.errors:
            answers.append(ResolvedMember(index=index, error=batch.errors[index]))
            continue
        person = batch.person_of[index]
        places = [identity.place for identity in batch.identities[index]]
        answers.append(
            ResolvedMember(
                index=index,
                member_id=person,
                identity_ids=[batch.identity_ids[place] for place in places],
                created=person in batch.created and person not in seen,
            )
        )
        seen.add(person)
    return answers
