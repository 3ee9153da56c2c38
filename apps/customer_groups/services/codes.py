"""Codes that lead into groups, and welcomes: what head office asks for is a row that waits."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.db import transaction

from apps.accounts import services as accounts
from apps.accounts.actor import Actor
from apps.core.locks import take_turn
from apps.core.wake import wake
from apps.customer_groups.errors import GroupsMissing, NotInWeCom, WelcomeTooLong
from apps.customer_groups.models import CustomerGroup, GroupCode, GroupWelcome, Outside

JOB = "customer_groups.hand_over"
MOST_GROUPS = 5
MOST_WELCOME_BYTES = 3_000

State = Outside.State


@transaction.atomic
def make_code(
    *,
    client_id: UUID,
    name: str,
    groups: Sequence[CustomerGroup],
    new_groups: bool,
    base_name: str,
    actor: Actor,
    now: datetime,
) -> GroupCode:
    """Ask for a code into these groups; the same form again gives the same code.

    Raises GroupsMissing.
    """
    take_turn(str(client_id))
    known = GroupCode.objects.filter(client_id=client_id).first()
    if known is not None:
        return known
    corps = {group.corp_id for group in groups}
    living = all(group.is_living for group in groups)
    if not 1 <= len(groups) <= MOST_GROUPS or len(corps) != 1 or not living:
        raise GroupsMissing()
    code = GroupCode.objects.create(
        client_id=client_id,
        corp_id=corps.pop(),
        name=name,
        new_groups=new_groups,
        base_name=base_name or groups[-1].name[:40],
        base_number=len(groups) + 1,
        not_before=now,
        created_by=actor.label,
    )
    code.groups.set(groups)
    _told(actor, "group_code.made", code, {"groups": [group.pk for group in groups]})
    wake(JOB)
    return code


@transaction.atomic
def make_welcome(
    *,
    client_id: UUID,
    corp_id: str,
    name: str,
    text: str,
    notify: bool,
    actor: Actor,
    now: datetime,
    picture: str = "",
) -> GroupWelcome:
    """Ask for a welcome; the same form again gives the same one. Raises WelcomeTooLong."""
    _demand_short(text)
    welcome, made = GroupWelcome.objects.get_or_create(
        client_id=client_id,
        defaults={
            "corp_id": corp_id,
            "name": name,
            "text": text,
            "picture": picture,
            "notify": notify,
            "not_before": now,
            "created_by": actor.label,
        },
    )
    if made:
        _told(actor, "group_welcome.made", welcome, {})
        wake(JOB)
    return welcome


@transaction.atomic
def change_welcome(
    *, welcome: GroupWelcome, text: str, picture: str = "", actor: Actor, now: datetime
) -> None:
    """Other words or another picture for a welcome that is in WeCom. Raises WelcomeTooLong,
    NotInWeCom."""
    _demand_short(text)
    row = GroupWelcome.objects.select_for_update().get(pk=welcome.pk)
    if not row.wecom_id or row.state not in (State.MADE, State.CHANGING, State.FAILED):
        raise NotInWeCom()
    row.text, row.picture.name = text, picture
    row.state, row.not_before, row.attempts = State.CHANGING, now, 0
    row.save(update_fields=["text", "picture", "state", "not_before", "attempts"])
    _told(actor, "group_welcome.changed", row, {})
    wake(JOB)


@transaction.atomic
def take_back(*, row: Outside, actor: Actor, now: datetime) -> None:
    """Take a code or a welcome out of WeCom; who is in the group stays. The same again changes
    nothing. Raises NotInWeCom."""
    held = type(row)._default_manager.select_for_update().get(pk=row.pk)
    if held.state in (State.REMOVING, State.REMOVED):
        return
    if held.state not in (State.MADE, State.CHANGING, State.FAILED):
        raise NotInWeCom()
    held.state = State.REMOVING if held.wecom_id else State.REMOVED
    held.not_before, held.attempts = now, 0
    held.save(update_fields=["state", "not_before", "attempts"])
    _told(actor, f"{held._meta.model_name}.taken_back", held, {})
    wake(JOB)


def _demand_short(text: str) -> None:
    if not 1 <= len(text.encode()) <= MOST_WELCOME_BYTES:
        raise WelcomeTooLong()


def _told(actor: Actor, action: str, row: Outside, detail: dict[str, object]) -> None:
    accounts.audit(
        actor=actor,
        action=action,
        object_type=row._meta.label_lower,
        object_id=row.pk,
        detail=detail,
    )
