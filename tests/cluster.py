"""`python -m tests.cluster FOLDER`: a stopped PostgreSQL whose test database is migrated and empty.

Migrating takes longer than most rooms' tests. Made once, it is copied by every worker of every run
that is told about it (SCRM_TEST_CLUSTER).
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import django
from django.conf import settings
from django.test.utils import setup_databases

from apps.core.embedded.postgres import TEST_OPTIONS, Postgres

VARIABLE = "SCRM_TEST_CLUSTER"
NAME = "postgres"


def copied_to(data: Path) -> bool:
    """Put a copy of the cluster made before into `data`, if there is one."""
    if not (source := os.environ.get(VARIABLE)):
        return False
    # the owner is kept: for root it is another one than ourselves
    subprocess.run(["cp", "-a", str(Path(source) / NAME), str(data / NAME)], check=True)
    return True


def make(folder: Path) -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "scrm.settings.test"
    django.setup()
    sockets = Path(settings.TEST_RUN)
    folder.mkdir(mode=0o755, parents=True, exist_ok=True)
    server = Postgres(
        data=folder / NAME, sockets=sockets, log=folder / "postgres.log", options=TEST_OPTIONS
    )
    server.start()
    try:
        setup_databases(verbosity=0, interactive=False, serialized_aliases=set())
    finally:
        server.stop()
        shutil.rmtree(sockets, ignore_errors=True)


if __name__ == "__main__":
    make(Path(sys.argv[1]).resolve())
