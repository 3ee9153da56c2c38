"""Who may do what at all: roles are lists of capabilities, decided here and nowhere else.

Which rows a person may see is the other question; it is answered by `visible_to(actor)` on each
queryset.
"""

from enum import StrEnum

from django.db import models
from django.utils.translation import gettext_lazy as _


class Capability(StrEnum):
    """One thing a person or a machine may do. Views and endpoints name exactly one."""

    VIEW_MEMBERS = "view_members"
    EDIT_MEMBERS = "edit_members"
    UNMASK_MEMBERS = "unmask_members"
    EXPORT_MEMBERS = "export_members"
    IMPORT_DATA = "import_data"
    EDIT_TAGS = "edit_tags"
    BUILD_SEGMENTS = "build_segments"
    PUSH_TASKS = "push_tasks"
    VIEW_PUSHES = "view_pushes"
    MANAGE_CONTENT = "manage_content"
    MANAGE_CODES = "manage_codes"
    MANAGE_STORES = "manage_stores"
    WORK_TASKS = "work_tasks"
    MANAGE_TEAM = "manage_team"
    LEAD_REGION = "lead_region"
    HAND_OVER = "hand_over"
    VIEW_REPORTS = "view_reports"
    VIEW_ORDERS = "view_orders"
    VIEW_HEALTH = "view_health"
    MANAGE_WECOM = "manage_wecom"
    SETTLE_SENDS = "settle_sends"
    SETTLE_RISKS = "settle_risks"
    VIEW_COMMISSIONS = "view_commissions"
    SETTLE_COMMISSIONS = "settle_commissions"
    MANAGE_JOBS = "manage_jobs"
    MANAGE_USERS = "manage_users"
    VIEW_AUDIT = "view_audit"
    API_WRITE_MEMBERS = "api_write_members"
    API_WRITE_ORDERS = "api_write_orders"
    API_WRITE_STOCK = "api_write_stock"
    API_WRITE_CASES = "api_write_cases"


class Role(models.TextChoices):
    HQ_ADMIN = "hq_admin", _("HQ administrator")
    HQ_OPERATOR = "hq_operator", _("HQ operator")
    REGION_MANAGER = "region_manager", _("Region manager")
    STORE_MANAGER = "store_manager", _("Store manager")
    GUIDE = "guide", _("Guide")
    AUDITOR = "auditor", _("Auditor")


API_CAPABILITIES = frozenset(
    {
        Capability.API_WRITE_MEMBERS,
        Capability.API_WRITE_ORDERS,
        Capability.API_WRITE_STOCK,
        Capability.API_WRITE_CASES,
    }
)

_READ_HQ = frozenset(
    {
        Capability.VIEW_MEMBERS,
        Capability.VIEW_PUSHES,
        Capability.VIEW_REPORTS,
        Capability.VIEW_ORDERS,
        Capability.VIEW_HEALTH,
    }
)
_OPERATE = _READ_HQ | {
    Capability.EDIT_MEMBERS,
    Capability.UNMASK_MEMBERS,
    Capability.EDIT_TAGS,
    Capability.BUILD_SEGMENTS,
    Capability.PUSH_TASKS,
    Capability.MANAGE_CONTENT,
    Capability.MANAGE_CODES,
    Capability.SETTLE_SENDS,
    Capability.HAND_OVER,
    Capability.VIEW_COMMISSIONS,
}

ROLE_CAPABILITIES: dict[str, frozenset[Capability]] = {
    Role.HQ_ADMIN: frozenset(Capability) - API_CAPABILITIES - {Capability.WORK_TASKS},
    Role.HQ_OPERATOR: _OPERATE,
    Role.REGION_MANAGER: frozenset(
        {
            Capability.VIEW_MEMBERS,
            Capability.VIEW_PUSHES,
            Capability.VIEW_REPORTS,
            Capability.VIEW_ORDERS,
            Capability.MANAGE_TEAM,
            Capability.LEAD_REGION,
            Capability.HAND_OVER,
        }
    ),
    Role.STORE_MANAGER: frozenset(
        {
            Capability.VIEW_MEMBERS,
            Capability.EDIT_MEMBERS,
            Capability.WORK_TASKS,
            Capability.MANAGE_TEAM,
            Capability.HAND_OVER,
        }
    ),
    Role.GUIDE: frozenset(
        {Capability.VIEW_MEMBERS, Capability.EDIT_MEMBERS, Capability.WORK_TASKS}
    ),
    Role.AUDITOR: _READ_HQ
    | {Capability.VIEW_AUDIT, Capability.SETTLE_RISKS, Capability.VIEW_COMMISSIONS},
}

# The roles that may enter the admin site. Guides and store managers work on the mobile pages alone.
HQ_ROLES = frozenset({Role.HQ_ADMIN, Role.HQ_OPERATOR, Role.REGION_MANAGER, Role.AUDITOR})
