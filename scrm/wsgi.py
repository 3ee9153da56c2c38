"""The web process: `gunicorn scrm.wsgi`."""

import gc
import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "scrm.settings.prod")
# a page asks for few rows, and they lie in memory; jobs over the whole chain plan as ever
os.environ.setdefault("DATABASE_PAGE_COST", "1.1")
os.environ.setdefault("DATABASE_PLAN_ONCE", "1")

application = get_wsgi_application()

# what is loaded by now stays: the collector that looks through it stops a page for half a second
gc.freeze()
