"""The harness: services of the run's own, nothing outside this machine, warnings are errors."""

import contextlib
import gc
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import hypothesis
import pytest
from django.conf import settings as django_settings
from django.core.cache import cache
from django.db import connection
from django.test import Client
from playwright.sync_api import expect

from apps.core import catalogue, clock, partitions
from apps.core.embedded import postgres, process, valkey
from tests import cluster, emptying, versions, worlds

PROJECT = Path(__file__).resolve().parent.parent
LOOPBACK = ("127.0.0.1", "::1", "localhost", "0.0.0.0")
SERVICES = pytest.StashKey[list]()

hypothesis.settings.register_profile(
    "house",
    deadline=None,
    max_examples=50,
    suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture],
)
hypothesis.settings.load_profile("house")


# --- services of the run -----------------------------------------------------------------------


def _is_worker(config):
    return hasattr(config, "workerinput")


def pytest_configure(config):
    """Start PostgreSQL and Valkey, for each worker its own.

    A cluster shared by workers would let one worker's open transaction stall another's reader of
    the timeline feed.
    """
    if not _is_worker(config):
        catalogue.compile_all(PROJECT)  # sentences are compared in Chinese
    controller = not _is_worker(config) and config.getoption("numprocesses", None)
    if controller or config.option.collectonly:
        return
    run = Path(django_settings.TEST_RUN)
    data = Path(f"{run}-data")
    data.mkdir(mode=0o755, exist_ok=True)
    if cluster.copied_to(data):
        config.option.reuse_db = True  # migrations made since are still applied
    services = [
        postgres.Postgres(
            data=data / cluster.NAME,
            sockets=run,
            log=data / "postgres.log",
            options=postgres.TEST_OPTIONS,
        ),
        valkey.Valkey(data=data / "valkey", sockets=run, log=data / "valkey.log", durable=False),
    ]
    config.stash[SERVICES] = [*services, run, data]
    for service in services:
        service.start()


def pytest_unconfigure(config):
    *services, run, data = config.stash.get(SERVICES, [None, None])
    for service in services:
        service.stop()
    for folder in filter(None, (run, data)):
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def django_db_modify_db_settings_xdist_suffix():
    """Each worker has a cluster of its own: its database needs no other name, and a copy has it."""


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup, django_db_blocker):
    with django_db_blocker.unblock():
        # a test whose two connections write in a month nobody made yet would wait for each other
        partitions.ensure_ahead(MOMENT, 0)
        emptying.remember(connection)
    emptying.install()
    yield
    with django_db_blocker.unblock():
        worlds.stand_on(None)


@pytest.fixture
def _world_beneath(request, django_db_setup, django_db_blocker):
    """The world of a fixture called `…_world`, before the test's own transaction begins."""
    names = [name for name in request.fixturenames if name.endswith("_world")]
    shared = bool(names) and not versions.commits(request.node)
    with django_db_blocker.unblock():
        worlds.stand_on(request.getfixturevalue(names[0]) if shared else None)


@pytest.fixture(scope="session")
def _nothing_beneath(django_db_blocker):
    with django_db_blocker.unblock():
        worlds.stand_on(None)


@pytest.fixture(scope="session")
def playwright(_nothing_beneath, playwright, django_db_blocker):
    """pytest-playwright's. While its event loop lives, Django's connections have another home: a
    world begun in one of the two homes could not be ended from the other.
    """
    yield playwright
    with django_db_blocker.unblock():
        worlds.stand_on(None)


@pytest.fixture
def _django_db_helper(_world_beneath, _django_db_helper):
    """pytest-django's, which begins the transaction of every test."""


# --- nothing outside this machine ----------------------------------------------------------------


class NetworkBlocked(RuntimeError):
    """A test tried to leave the machine."""


_connect = socket.socket.connect


def _guarded_connect(self, address):
    outside = self.family in (socket.AF_INET, socket.AF_INET6) and address[0] not in LOOPBACK
    if outside:
        raise NetworkBlocked(f"No test talks to {address[0]}.")
    return _connect(self, address)


@pytest.fixture(autouse=True, scope="session")
def _loopback_only():
    socket.socket.connect = _guarded_connect
    yield
    socket.socket.connect = _connect


# --- clock, clients ------------------------------------------------------------------------------


# a usual working day: a Wednesday
MOMENT = datetime(2026, 3, 18, 10, 0, tzinfo=ZoneInfo("Asia/Shanghai"))


@pytest.fixture
def moment():
    """A usual working day: Wednesday 18 March 2026, 10:00 in the chain's zone."""
    return MOMENT


@pytest.fixture
def fixed_clock(moment):
    """The code of this test lives at `moment`."""
    with clock.at(moment):
        yield moment


@pytest.fixture(autouse=True, scope="session")
def _one_test_client_for_every_audience():
    """`force_login` counts for HQ's pages and for a guide's, which keep separate sessions."""
    original = Client._login

    def login(self, user, backend=None):
        original(self, user, backend)
        morsel = self.cookies[django_settings.SESSION_COOKIE_NAME]
        for name in django_settings.AUDIENCE_SESSION_COOKIES.values():
            self.cookies[name] = morsel.value

    Client._login = login
    yield
    Client._login = original


@pytest.fixture(autouse=True)
def _clean_cache(request):
    """Valkey is the run's own; what one test cached is not there for the next."""
    yield
    # a test that is only marked names no fixture of pytest-django
    asked = {"db", "transactional_db"} & set(request.fixturenames)
    if asked or request.node.get_closest_marker("django_db"):
        cache.clear()


# --- other processes -----------------------------------------------------------------------------


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(check, *, seconds=60.0, message="It did not happen in time."):
    """Poll `check` until it is true and return what it returned."""
    until = time.monotonic() + seconds
    while True:
        if found := check():
            return found
        if time.monotonic() > until:
            raise AssertionError(message)
        time.sleep(0.05)


class Simulator:
    """A real simulator process and its control API."""

    def __init__(self, port, state_dir):
        self.port = port
        self.state_dir = Path(state_dir)
        self.url = f"http://127.0.0.1:{port}"
        self.child = None

    def start(self, *, product="http://testserver", env=None):
        argv = [sys.executable, "-m", "apps.wecom_simulator", "--port", str(self.port)]
        argv += ["--state-dir", str(self.state_dir), "--product", product]
        with (self.state_dir / "simulator.log").open("ab") as output:
            self.child = process.spawn(
                argv, cwd=PROJECT, env={**os.environ, **(env or {})}, output=output
            )
        wait_for(self._answers, message=f"The simulator did not start: {self.log()}")

    def log(self):
        return (self.state_dir / "simulator.log").read_text(errors="replace")[-2000:]

    def _answers(self):
        if self.child.poll() is not None:
            raise AssertionError(f"The simulator stopped: {self.log()}")
        with contextlib.suppress(OSError):
            return self.get("/sim/healthz") is not None
        return False

    def stop(self):
        if self.child is not None:
            process.end(self.child, seconds=5)

    def _call(self, path, data):
        request = urllib.request.Request(f"{self.url}{path}", data=data)
        request.add_header("Content-Type", "application/json")
        with urllib.request.urlopen(request, timeout=30) as answer:
            body = answer.read()
        return json.loads(body) if body else {}

    def get(self, path):
        return self._call(path, None)

    def post(self, path, /, **body):
        return self._call(path, json.dumps(body).encode())

    def calls(self, path=None, since=0):
        """The log of received API calls, optionally of one path."""
        query = f"?since={since}" + (f"&path={path}" if path else "")
        return self.get(f"/sim/calls{query}")["calls"]


WECOM = {
    "WECOM_CORP_ID": "wwtest0000000001",
    "WECOM_AGENT_ID": "1000002",
    "WECOM_SECRET": "test-app-secret",
    "WECOM_CONTACT_SECRET": "test-contact-secret",
    "WECOM_TOKEN": "testcallbacktoken",
    "WECOM_AES_KEY": "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG",
}


@pytest.fixture(scope="session")
def simulator_process(tmp_path_factory):
    """One simulator per run (per worker of xdist)."""
    found = Simulator(free_port(), tmp_path_factory.mktemp("simulator"))
    found.start(env=WECOM)
    yield found
    found.stop()


@pytest.fixture
def simulator(simulator_process, settings, monkeypatch):
    """The simulator, empty, and the product's settings pointing at it."""
    simulator_process.post("/sim/reset")
    settings.WECOM_API_BASE = f"{simulator_process.url}/cgi-bin/"
    settings.WECOM_OAUTH_BASE = simulator_process.url
    settings.WECOM_LOGIN_BASE = simulator_process.url
    settings.WECOM_JSSDK_URL = f"{simulator_process.url}/jssdk/wecom.js"
    for name, value in WECOM.items():
        monkeypatch.setenv(name, value)
    return simulator_process


@pytest.fixture
def product_env(db, settings):
    """The environment in which a product process of this test's database runs."""
    run = django_settings.TEST_RUN
    database = connection.settings_dict["NAME"]
    return {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "scrm.settings.test",
        "DATABASE_URL": f"postgres://scrm@/{database}?host={run}",
        "WECOM_API_BASE": settings.WECOM_API_BASE,
        "WECOM_OAUTH_BASE": settings.WECOM_OAUTH_BASE,
        "WECOM_LOGIN_BASE": settings.WECOM_LOGIN_BASE,
        "WECOM_JSSDK_URL": settings.WECOM_JSSDK_URL,
        "PUBLIC_BASE_URL": settings.PUBLIC_BASE_URL,
        "PYTHONWARNINGS": "ignore",
    }


@pytest.fixture
def run_process(tmp_path):
    """Start product processes (a worker, a web server) that end with the test."""
    children = []

    def run(argv, env):
        output = (tmp_path / f"process-{len(children)}.log").open("ab")
        child = process.spawn([sys.executable, *argv], cwd=PROJECT, env=env, output=output)
        output.close()
        children.append(child)
        return child

    yield run
    for child in children:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.end(child, seconds=5)


# --- browser -------------------------------------------------------------------------------------


def chromium():
    """Debian's Chromium, found on PATH."""
    return shutil.which("chromium") or shutil.which("chromium-browser")


@pytest.fixture(scope="session")
def browser_type_launch_args():
    # Playwright's own loop runs in this thread; the live server's connections are elsewhere
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    # as long as Playwright's actions wait: three browsers share two processors in CI
    expect.set_options(timeout=30_000)
    return {"executable_path": chromium()}


@pytest.fixture
def watch():
    """Attach it to every page of a test: a console error or a CSP report fails the test."""
    complaints = []

    def attach(page):
        page.on(
            "console",
            lambda message: message.type == "error" and complaints.append(message.text),
        )
        page.on("pageerror", lambda error: complaints.append(str(error)))
        return page

    yield attach
    assert complaints == []


@pytest.fixture
def page(page, watch):
    """pytest-playwright's page, watched."""
    return watch(page)


def pytest_collection_modifyitems(config, items):
    """Without Chromium the browser's tests are left out; `make test` says so and fails."""
    for item in items:
        if {"page", "browser"} & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.browser)
    if over := [item for item in items if versions.is_over(item)]:
        config.hook.pytest_deselected(items=over)
        items[:] = [item for item in items if not versions.is_over(item)]


@pytest.hookimpl(trylast=True)
def pytest_collection_finish():
    """What is loaded by now stays: the collector of garbage need not go through it again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


def pytest_runtest_logreport(report):
    if "PYTEST_XDIST_WORKER" not in os.environ:  # workers tell the one who started them
        versions.write_down(report)
