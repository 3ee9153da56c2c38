from tests.guide_portal.conftest import act  # noqa: F401
from tests.hq.conftest import admin_client  # noqa: F401
