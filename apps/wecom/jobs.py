from django.utils.translation import gettext as _

from apps.core import clock
from apps.core.jobs import job
from apps.wecom import services


@job(name="wecom.forget_callbacks", queue="bulk")
def forget_callbacks() -> str:
    """Drop finished callbacks that are past their keeping."""
    return _("%(n)s deleted") % {"n": services.forget_old_callbacks(now=clock.now())}
