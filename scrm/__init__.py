"""The project: settings, addresses, processes. Nothing in `apps` imports it."""

from scrm.celery import app as celery_app

__all__ = ["celery_app"]
