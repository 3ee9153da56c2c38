"""What can stop a comparison with WeCom."""

from django.utils.translation import gettext_lazy as _

from apps.core.errors import DomainError


class AlreadyRunning(DomainError):
    code = "sync_already_running"
    message = _("This comparison is running already.")


class UnknownKind(DomainError):
    code = "sync_unknown_kind"
    message = _("Nothing of this kind is compared with WeCom.")


class StaffVanished(DomainError):
    """More people than usual are not listed: rights were lost sooner than a tenth of the staff."""

    code = "staff_vanished"


class FriendsVanished(DomainError):
    """A hundred guides without a single customer, who had many: rights were lost sooner."""

    code = "friends_vanished"


class GroupsVanished(DomainError):
    """Many groups of a hundred owners are not there any more: rights were lost sooner."""

    code = "groups_vanished"


class MoveOver(DomainError):
    """Somebody decided meanwhile, or the guide works elsewhere by now."""

    code = "move_over"
    message = _("This is settled already, or the guide works elsewhere by now. Look again.")


class RunLost(DomainError):
    """The lease ran out and somebody else took over."""

    code = "sync_run_lost"
