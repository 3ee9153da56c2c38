"""What a new installation needs before anybody can work with it."""

from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _

from apps.core import clock
from apps.stores.models import Posting, Store
from apps.wecom.models import ConnectionCheck
from apps.wecom_sync.models import SyncRun

Step, State = ConnectionCheck.Step, ConnectionCheck.State


@dataclass(frozen=True, slots=True)
class FirstStep:
    """One thing to do before anything can begin."""

    words: str
    page: str
    done: bool


def first_steps(*, now: datetime) -> list[FirstStep]:
    """What a new installation needs, in order; nothing once somebody works in a live store."""
    day = clock.business_day(now)
    if Posting.objects.on(day).exclude(store__live_since=None).exists():
        return []
    stores = Store.objects.open_on(day)
    return [
        FirstStep(
            _("Connect the WeCom corp and go through its checklist"),
            "hq:connections",
            ConnectionCheck.objects.filter(step=Step.CALLABLE, state=State.OK).exists(),
        ),
        FirstStep(
            _("Enter regions, then stores with their WeCom department number"),
            "admin:stores_store_changelist",
            stores.exclude(wecom_department_id=None).exists(),
        ),
        FirstStep(
            _("Look at the dry run: whom a comparison of departments and staff would post where"),
            "hq:sync",
            SyncRun.objects.filter(kind=SyncRun.Kind.DEPARTMENTS, dry=True).exists(),
        ),
        FirstStep(
            _("Switch on the stores to begin with; then compare departments and staff"),
            "hq:rollout",
            stores.exclude(live_since=None).exists(),
        ),
    ]
