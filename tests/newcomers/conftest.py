"""Fixtures of other folders that these tests use as well."""

from tests.hq.conftest import admin_client

__all__ = ["admin_client"]
