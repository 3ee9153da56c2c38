"""What the repository may not say, and what production may not start with."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db.migrations.loader import MigrationLoader

PROJECT = Path(__file__).resolve().parents[2]
# spelled in pieces: this file is searched as well
REGISTRIES = "|".join(("py" + "pi", "python" + "hosted", "npm" + "js", "index" + "-url"))
HOSTS = re.compile(rf"https?://[^\s\"'<>]*(?:{REGISTRIES})[^\s\"'<>]*")
HOME = re.compile(r"(?<![\w.])/(?:work|home|root)/[\w.]+")


def _texts():
    listed = subprocess.run(
        ["git", "-c", "safe.directory=*", "ls-files", "-z"],
        cwd=PROJECT,
        capture_output=True,
        check=True,
    ).stdout.decode()
    for name in filter(None, listed.split("\0")):
        path = PROJECT / name
        if path.suffix not in {".png", ".jpg", ".woff2", ".ico"} and path.is_file():
            yield name, path.read_text(errors="replace")


def test_the_lock_holds_hashes_and_no_address():
    text = (PROJECT / "requirements.lock").read_text()

    assert "--hash=sha256:" in text
    assert "://" not in text
    pinned = re.findall(r"^[\w.\[\]-]+==", text, re.MULTILINE)
    assert len(pinned) > 50
    assert len(re.findall(r"^[a-zA-Z]", text, re.MULTILINE)) == len(pinned)


def test_no_file_speaks_of_a_machine_or_a_package_index():
    guilty = [
        f"{name}: {found.group()}"
        for name, text in _texts()
        if name != "tests/architecture/test_repository.py"
        for found in [*HOSTS.finditer(text), *HOME.finditer(text)]
    ]

    assert guilty == []


@pytest.mark.django_db
def test_models_and_migrations_agree():
    call_command("makemigrations", "--check", "--dry-run", verbosity=0)


def test_migrations_have_spoken_names_and_one_head():
    loader = MigrationLoader(None, ignore_no_migrations=True)

    assert loader.detect_conflicts() == {}
    ours = [name for app, name in loader.disk_migrations if (PROJECT / "apps" / app).exists()]
    assert ours
    assert not [name for name in ours if re.search(r"_auto_|_\d{8}_", name)]


GOOD = {
    "SECRET_KEY": "k" * 50,
    "PII_PEPPER": "p" * 40,
    "PII_KEYS": "1:" + "QUFB" * 10 + "QUE=",
    "ALLOWED_HOSTS": "scrm.example",
    "PUBLIC_BASE_URL": "https://scrm.example",
    "DATABASE_URL": "postgres://u:p@db/scrm",
    "CACHE_URL": "redis://cache/1",
    "BROKER_URL": "redis://broker/0",
}


def _start(**changes):
    keep = ("PATH", "LANG", "VIRTUAL_ENV")
    env = {name: os.environ[name] for name in keep if name in os.environ}
    env |= {"DJANGO_SETTINGS_MODULE": "scrm.settings.prod", **GOOD, **changes}
    return subprocess.run(
        [sys.executable, "-c", "from django.conf import settings; settings.SECRET_KEY"],
        cwd=PROJECT,
        env={name: value for name, value in env.items() if value is not None},
        capture_output=True,
        text=True,
    )


@pytest.mark.slow
def test_production_starts_with_its_own_values():
    result = _start()

    assert result.returncode == 0, result.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SECRET_KEY", None),
        ("SECRET_KEY", "demo-" + "k" * 50),
        ("PII_PEPPER", "short"),
        ("PII_KEYS", "201:" + "QUFB" * 10 + "QUE="),
        ("DEBUG", "1"),
        ("ALLOWED_HOSTS", ""),
        ("PUBLIC_BASE_URL", "http://scrm.example"),
        ("WECOM_API_BASE", "http://127.0.0.1:8010/cgi-bin/"),
        ("SCRM_ENV", "demo"),
        ("DATABASE_URL", None),
    ],
)
def test_production_refuses_demo_values_and_gaps(name, value):
    result = _start(**{name: value})

    assert result.returncode != 0
    assert "ImproperlyConfigured" in result.stderr
