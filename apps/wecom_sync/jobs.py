"""Doorbells of the sync room."""

from django.utils.translation import gettext as _

from apps.core import clock
from apps.core.jobs import job
from apps.wecom.models import Corp
from apps.wecom_sync import services
from apps.wecom_sync.models import SyncRun


@job(name="wecom_sync.handle_callbacks", queue="sync")
def handle_callbacks() -> str:
    """Interpret what WeCom told us."""
    return _("%(n)s callbacks closed") % {"n": services.handle_callbacks(now=clock.now())}


@job(name="wecom_sync.take_welcome_codes", queue="urgent")
def take_welcome_codes() -> str:
    """Welcome new friends before their codes run out."""
    return _("%(n)s codes taken") % {"n": services.take_welcome_codes(now=clock.now())}


@job(name="wecom_sync.poll_results", queue="sync")
def poll_results() -> str:
    """Ask WeCom what became of sends."""
    return _("%(n)s results") % {"n": services.poll_results(now=clock.now())}


@job(name="wecom_sync.poll_moments", queue="sync")
def poll_moments() -> str:
    """Ask WeCom who has published moments posts."""
    return _("%(n)s published") % {"n": services.poll_moments(now=clock.now())}


@job(name="wecom_sync.read_moments", queue="bulk")
def read_moments() -> str:
    """Read likes and comments under guides' posts."""
    return _("%(n)s posts read") % {"n": services.read_moments(now=clock.now())}


@job(name="wecom_sync.poll_group_sends", queue="sync")
def poll_group_sends() -> str:
    """Ask WeCom which groups have their owners' messages."""
    return _("%(n)s owners through") % {"n": services.poll_group_sends(now=clock.now())}


@job(name="wecom_sync.read_owner_sends", queue="bulk")
def read_owner_sends() -> str:
    """Read what owners sent to their groups by themselves."""
    return _("%(n)s sends of owners read") % {"n": services.read_owner_sends(now=clock.now())}


@job(name="wecom_sync.read_guide_sends", queue="bulk")
def read_guide_sends() -> str:
    """Read what guides sent to customers by themselves."""
    return _("%(n)s sends of guides counted") % {"n": services.read_guide_sends(now=clock.now())}


@job(name="wecom_sync.read_guide_days", queue="bulk")
def read_guide_days() -> str:
    """Read WeCom's daily figures of guides."""
    return _("%(n)s days counted") % {"n": services.read_guide_days(now=clock.now())}


@job(name="wecom_sync.compare", queue="bulk")
def compare(corp_id: str, kind: str, dry: bool = False) -> str:
    """Compare one kind of one corp because somebody asked; a dry run changes nothing."""
    corp = Corp.objects.get(corp_id=corp_id)
    try:
        return _told(services.sync_kind(corp=corp, kind=kind, now=clock.now(), dry=dry))
    except services.AlreadyRunning as error:
        return str(error)


def _told(run: SyncRun) -> str:
    return _("%(kind)s: %(state)s, %(seen)s seen, %(drift)s differed, %(healed)s healed") % {
        "kind": run.get_kind_display(),
        "state": run.get_state_display(),
        "seen": run.seen,
        "drift": run.drift,
        "healed": run.healed,
    }


@job(name="wecom_sync.push_tags", queue="sync")
def push_tags() -> str:
    """Send tags that changed here to WeCom."""
    now = clock.now()
    services.note_tag_changes(now=now)
    return _("%(n)s friends marked in WeCom") % {"n": services.push_tags(now=now)}


@job(name="wecom_sync.forget_tag_words", queue="bulk")
def forget_tag_words() -> str:
    """Drop the history of tags with WeCom that is past its keeping."""
    return _("%(n)s deleted") % {"n": services.forget_old_words(now=clock.now())}


@job(name="wecom_sync.go_on", queue="bulk")
def go_on() -> str:
    """Go on with comparisons that stopped on their way."""
    runs = services.go_on(now=clock.now())
    return "; ".join(_told(run) for run in runs)


@job(name="wecom_sync.reconcile", queue="bulk")
def reconcile() -> str:
    """Compare staff and friends of every corp with WeCom."""
    corps = Corp.objects.filter(is_active=True)
    return "; ".join(
        _told(run) for corp in corps for run in services.sync_all(corp=corp, now=clock.now())
    )
