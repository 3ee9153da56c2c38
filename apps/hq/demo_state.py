"""What a demo's data folder has been through: migrated, loaded, its file for scripts."""

import importlib.util
import json
import os
import shutil
import time
from collections.abc import Callable
from hashlib import sha256
from importlib import import_module
from pathlib import Path

import psycopg
from django.conf import settings
from django.core.management import call_command
from django.utils import timezone

from apps.core import partitions
from apps.core.embedded import paths, postgres, secrets

_LOADED = "loaded.json"
_STATIC = "static.stamp"
_MIGRATED = "migrated.stamp"
_MIGRATIONS = "apps/*/migrations/*.py"
_LOADER = "apps.hq.demo.load"
_FROM_ENVIRONMENT = (
    "WECOM_CORP_ID",
    "WECOM_AGENT_ID",
    "WECOM_TOKEN",
    "WECOM_AES_KEY",
)


def is_loaded(data: Path) -> bool:
    """Did a load on this folder come to its end?"""
    return (data / _LOADED).exists()


def forget_half_loaded(data: Path) -> None:
    """A load that was cut off starts over: the simulator's state goes before it starts."""
    if not is_loaded(data):
        shutil.rmtree(data / "simulator", ignore_errors=True)


def empty_database(server: postgres.Postgres) -> None:
    """A load that was cut off starts over: the database goes, too."""
    with psycopg.connect(server.dsn(), autocommit=True) as connection:
        connection.execute("DROP DATABASE IF EXISTS scrm WITH (FORCE)")


def _migrate(data: Path, out: Callable[[str], None]) -> None:
    began = time.monotonic()
    call_command("migrate", interactive=False, verbosity=0)
    partitions.ensure_ahead(now=timezone.now())
    (data / _MIGRATED).write_text(_fingerprint(_MIGRATIONS))
    out(f"Database is up to date ({time.monotonic() - began:.1f} s)")


def _load(data: Path, out: Callable[[str], None]) -> None:
    if is_loaded(data):
        out("Demo data is there already")
        return
    began = time.monotonic()
    found: dict[str, str] = {}
    if importlib.util.find_spec("apps.hq.demo") and importlib.util.find_spec(_LOADER):
        found = import_module(_LOADER).load(out=out) or {}
    draft = {name: str(value) for name, value in found.items()}
    descriptor = os.open(data / _LOADED, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(draft, file)
    out(f"Demo data loaded ({time.monotonic() - began:.1f} s)")


def _write_env(data: Path) -> None:
    """`demo.env` for scripts: addresses of this start, logins and key of the load."""
    values = {
        "BASE_URL": settings.PUBLIC_BASE_URL,
        "SIM_URL": settings.SIMULATOR_URL,
        "CALLBACK_URL": f"{settings.PUBLIC_BASE_URL}/wecom/callback/contacts/",
        "PORT": str(settings.PORT),
        "SIM_PORT": str(settings.SIM_PORT),
        "DATA_DIR": str(data),
        **{name: os.environ[name] for name in _FROM_ENVIRONMENT},
        **json.loads((data / _LOADED).read_text()),
    }
    secrets.write_private(data / "demo.env", values)


def _fingerprint(*patterns: str) -> str:
    """Changes when a file of ours that matches, or a package's version, changes."""
    project = paths.PROJECT_DIR
    digest = sha256()
    for path in sorted(path for pattern in patterns for path in project.glob(pattern)):
        if path.is_file():
            digest.update(f"{path}{path.stat().st_mtime_ns}{path.stat().st_size}".encode())
    digest.update((project / "requirements.lock").read_bytes())
    return digest.hexdigest()


def is_current(data: Path) -> bool:
    """Loaded, and migrated by exactly these migrations: the product may start at once."""
    stamp = data / _MIGRATED
    return is_loaded(data) and stamp.exists() and stamp.read_text() == _fingerprint(_MIGRATIONS)


def _collect_static(data: Path, out: Callable[[str], None]) -> None:
    stamp, wanted = data / _STATIC, _fingerprint("static/**/*", "apps/*/static/**/*")
    if stamp.exists() and stamp.read_text() == wanted:
        return
    call_command("collectstatic", interactive=False, verbosity=0)
    stamp.write_text(wanted)
    out("Static files are in place")


def prepare(*, out: Callable[[str], None]) -> None:
    """Migrate, collect static files, load once, write demo.env. Safe to repeat."""
    data = settings.DATA_DIR
    _migrate(data, out)
    _collect_static(data, out)
    _load(data, out)
    _write_env(data)
