"""The web process: `gunicorn scrm.wsgi`."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "scrm.settings.prod")

pages = get_wsgi_application()

from apps.wecom.door import CallbackDoor  # noqa: E402 - the apps are ready only now

application = CallbackDoor(pages)
