"""A cluster and a broker of one's own for a measurement: never the demo's, gone afterwards."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from celery import current_app
from django.conf import settings
from django.core.cache import caches
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from apps.core import partitions
from apps.core.embedded import postgres, valkey


def _point_here(sockets: Path) -> dict[str, str]:
    """Turn this process, and those it starts, to the scratch services."""
    addresses = {
        "DATABASE_URL": f"postgres://{postgres.USER}@/scrm?host={sockets}",
        "BROKER_URL": f"redis+socket://{sockets}/{valkey.SOCKET}?virtual_host=0",
        "CACHE_URL": f"unix://{sockets}/{valkey.SOCKET}?db=1",
    }
    os.environ.update(addresses)
    connection.close()
    connection.settings_dict.update(
        HOST=str(sockets), NAME="scrm", USER=postgres.USER, PASSWORD="", PORT=""
    )
    settings.CACHE_URL = addresses["CACHE_URL"]
    settings.CACHES["default"]["LOCATION"] = addresses["CACHE_URL"]
    caches.settings["default"]["LOCATION"] = addresses["CACHE_URL"]
    current_app.conf.update(broker_url=addresses["BROKER_URL"])
    return addresses


@contextmanager
def scratch_services() -> Iterator[dict[str, str]]:
    """Start empty, durable services, migrate, and end them; yields their addresses."""
    root = Path(tempfile.mkdtemp(prefix="scrm-bench-", dir="/tmp"))
    root.chmod(0o755)
    database = postgres.Postgres(data=root / "pg", sockets=root / "s", log=root / "postgres.log")
    broker = valkey.Valkey(data=root / "vk", sockets=root / "s", log=root / "valkey.log")
    try:
        database.start()
        broker.start()
        database.ensure_database("scrm")
        addresses = _point_here(root / "s")
        call_command("migrate", interactive=False, verbosity=0)
        partitions.ensure_ahead(now=timezone.now())
        yield addresses
    finally:
        connection.close()
        broker.stop()
        database.stop()
        shutil.rmtree(root, ignore_errors=True)
