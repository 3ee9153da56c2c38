"""Fixtures of other folders that these tests use as well."""

from tests.guide_portal.conftest import act
from tests.hq.conftest import admin_client

__all__ = ["act", "admin_client"]
