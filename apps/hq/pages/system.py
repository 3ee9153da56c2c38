"""系统: the first of its tabs that this person may open."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from apps.accounts.capabilities import Capability
from apps.hq.access import actor_of, hq_page

_TABS = (
    (Capability.MANAGE_JOBS, "admin:django_celery_beat_periodictask_changelist"),
    (Capability.MANAGE_USERS, "admin:accounts_user_changelist"),
    (Capability.VIEW_AUDIT, "admin:accounts_auditentry_changelist"),
)


@hq_page(Capability.VIEW_MEMBERS)
def system(request: HttpRequest) -> HttpResponse:
    for capability, name in _TABS:
        if actor_of(request).can(capability):
            return redirect(name)
    return redirect("admin:profiles_stageversion_changelist")
