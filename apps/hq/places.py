"""The places where a push's members are, in words, and the condition behind each number."""

from django.db.models import Q
from django.utils.translation import gettext as _

from apps.guide_tasks.models import ExcuseReason, Grade, State, TaskPush
from apps.guide_tasks.services import places
from apps.outreach import policy
from apps.reports import selectors as reports
from apps.reports.link_orders import push_link_orders

LINKED = "linked"
_EXPIRED = (State.EXPIRED, State.NOT_DONE)


def place_words(place: str) -> str:
    """A place of the forecast in the words of the page."""
    if place == places.CONTROL:
        return _("control group (not contacted)")
    if place == places.ISSUED:
        return _("handed to guides")
    return policy.sentence(place) if place else _("not in the segment")


def target_place(place: str) -> tuple[str, Q] | None:
    """Title and condition of a place among the issued."""
    kind, _dot, value = place.partition(".")
    simple = {
        "issued": (_("Handed to guides"), Q()),
        "done": (_("Done"), Q(state=State.DONE)),
        "open": (_("To be done"), Q(state__in=[State.OPEN, State.IN_PROGRESS, State.TO_VERIFY])),
        "expired": (_("Past its time"), Q(state__in=_EXPIRED)),
        "excused": (_("Not applicable"), Q(state=State.NOT_APPLICABLE)),
        "started": (_("Executed"), Q(started_at__isnull=False) & ~Q(state=State.NOT_APPLICABLE)),
        "not_begun": (_("Issued and not begun"), reports.LOST["not_begun"]),
        "not_delivered": (_("Begun and not delivered"), reports.LOST["not_delivered"]),
        "not_bought": (_("Delivered and not bought"), reports.LOST["not_bought"]),
    }
    if place in simple:
        return simple[place]
    if kind == "state" and value in State.values:
        return str(State(value).label), Q(state=value)
    if kind == "excuse" and value in ExcuseReason.values:
        return str(ExcuseReason(value).label), Q(state=State.NOT_APPLICABLE, excuse_reason=value)
    if kind == "grade" and value in {str(grade) for grade in Grade.values}:
        return str(Grade(int(value)).label), Q(contact_grade=int(value))
    if kind == "outcome" and value in ("engaged", "visited", "purchased"):
        words = {"engaged": _("engaged"), "visited": _("visited"), "purchased": _("bought")}
        return words[value], Q(**{f"{value}_at__isnull": False})
    return None


def linked_place(push: TaskPush) -> tuple[str, Q]:
    """Title and condition of those who ordered by a link of this push."""
    bought = push_link_orders(push=push).targets
    return _("Ordered by the link of this push"), Q(pk__in=bought)


def not_issued_place(place: str) -> tuple[str, Q] | None:
    """Title and condition of a place among those who were not issued."""
    if place == "not_issued":
        return _("Not issued"), Q()
    kind, _dot, value = place.partition(".")
    if kind == "refused" and value in policy.Refusal.values:
        return policy.sentence(value), Q(reason=value)
    return None
