"""The checklist: run a step, keep what was found, who asked and when."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from apps.accounts.actor import Actor
from apps.accounts.services import audit
from apps.wecom.crypto import Seal, is_signed, tells_its_receiver
from apps.wecom.diagnosis.causes import Cause, cause_of
from apps.wecom.diagnosis.probes import PROBES, Finding, ask
from apps.wecom.errors import StepNotForPeople
from apps.wecom.models import CallbackEndpoint, ConnectionCheck, CorpApp
from apps.wecom.selectors import EndpointConfig

Step, State, Entered = ConnectionCheck.Step, ConnectionCheck.State, CallbackEndpoint.Entered
# what a person looks at, and what is wrong where it is not in order
BY_PEOPLE: dict[str, str] = {Step.VERIFIED: "not_verified", Step.QUOTA: "no_quota"}


@dataclass(frozen=True, slots=True)
class StepRow:
    """A step of the checklist with its last finding, if it was ever looked at."""

    step: ConnectionCheck.Step
    last: ConnectionCheck | None

    @property
    def state(self) -> str:
        return self.last.state if self.last else State.OPEN

    @property
    def cause(self) -> Cause | None:
        if self.last:
            return cause_of(self.last.code)
        return cause_of("not_confirmed") if self.by_people else None

    @property
    def by_people(self) -> bool:
        return self.step in BY_PEOPLE


def steps_of(app: CorpApp) -> list[StepRow]:
    """Every step in the order in which one goes live."""
    last = {row.step: row for row in ConnectionCheck.objects.filter(app=app)}
    return [StepRow(step, last.get(step)) for step in Step]


def check(
    *, app: CorpApp, step: str, userids: Collection[str], actor: Actor, now: datetime
) -> ConnectionCheck:
    """Ask WeCom about one step and keep the answer. No transaction is open while it is asked."""
    if step in BY_PEOPLE:
        raise StepNotForPeople()
    return _keep(app=app, step=step, found=ask(app, step, userids), actor=actor, now=now)


def check_all(
    *, app: CorpApp, userids: Collection[str], actor: Actor, now: datetime
) -> list[ConnectionCheck]:
    """Every step that WeCom can answer, in order."""
    return [
        check(app=app, step=step, userids=userids, actor=actor, now=now)
        for step in Step
        if step in PROBES
    ]


@transaction.atomic
def confirm(
    *, app: CorpApp, step: str, in_order: bool, actor: Actor, now: datetime
) -> ConnectionCheck:
    """A person looked in WeCom's admin where no interface tells. Saying it again is harmless."""
    if step not in BY_PEOPLE:
        raise StepNotForPeople()
    found = Finding(State.OK) if in_order else Finding(State.BAD, BY_PEOPLE[step])
    return _keep(app=app, step=step, found=found, actor=actor, now=now)


@transaction.atomic
def _keep(
    *, app: CorpApp, step: str, found: Finding, actor: Actor, now: datetime
) -> ConnectionCheck:
    row, _made = ConnectionCheck.objects.update_or_create(
        app=app,
        step=step,
        defaults={
            "state": found.state,
            "code": found.code[:40],
            "detail": dict(found.detail),
            "checked_at": now,
            "checked_by": actor.label,
        },
    )
    audit(
        actor=actor,
        action="wecom.checked",
        object_type="wecom.corpapp",
        object_id=app.pk,
        detail={"step": str(step), "state": str(found.state), "code": found.code},
    )
    return row


def note_url_check(*, endpoint_id: int, now: datetime) -> None:
    """WeCom asked whether the callback address is ours, and it was answered."""
    CallbackEndpoint.objects.filter(pk=endpoint_id).update(verified_at=now, refused_for="")


def note_url_refused(*, endpoint: EndpointConfig, seal: Seal, encrypted: str) -> None:
    """WeCom asked, and what was entered there is not what we made: which of the three it is.

    Kept until the address has once been checked; afterwards a stranger's guess says nothing.
    """
    keys = endpoint.keys
    if not is_signed(keys=keys, seal=seal, encrypted=encrypted):
        wrong = Entered.TOKEN
    elif not tells_its_receiver(keys, encrypted):
        wrong = Entered.AES_KEY
    else:
        wrong = Entered.CORP
    unchecked = CallbackEndpoint.objects.filter(pk=endpoint.pk, verified_at=None)
    unchecked.exclude(refused_for=wrong).update(refused_for=wrong)
