"""The process for WeCom's callbacks: `gunicorn scrm.asgi --worker-class asgi`."""

import gc
import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "scrm.settings.prod")

pages = get_asgi_application()

from apps.wecom.door import CallbackDoor  # the apps are ready only now

application = CallbackDoor(pages)

# what is loaded by now stays: the collector need not look through it time and again
gc.freeze()
