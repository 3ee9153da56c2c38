"""A real simulator process, a caller with the rights of an app, and a listener for callbacks."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
import xml.etree.ElementTree as ElementTree
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlparse

import pytest
import requests

from apps.wecom_simulator import crypto

PROJECT = Path(__file__).resolve().parent.parent.parent
CORP, SECRET, CONTACT_SECRET = "wwsimtest00000001", "app-secret-one", "contact-secret"
TOKEN, AES_KEY = "listenertoken", "MqBe1IIqdDV532xrJRwK5RkkTDEZYqCmTLvGnoTZSfc"
ENVIRONMENT = {
    "WECOM_CORP_ID": CORP,
    "WECOM_AGENT_ID": "1000002",
    "WECOM_SECRET": SECRET,
    "WECOM_CONTACT_SECRET": CONTACT_SECRET,
}
OWN_VARIABLES = ("SCRM_ENV", "WECOM_CALLBACK_URL", "WECOM_TOKEN", "WECOM_AES_KEY")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Host:
    """One process with its state folder."""

    def __init__(self, state_dir):
        self.state_dir, self.port = Path(state_dir), free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.token = None
        self.child = None

    def start(self, *arguments, **environment):
        kept = {name: value for name, value in os.environ.items() if name not in OWN_VARIABLES}
        self.child = subprocess.Popen(
            [
                *(sys.executable, "-m", "apps.wecom_simulator", "--port", str(self.port)),
                *("--state-dir", str(self.state_dir), "--product", "http://127.0.0.1:9"),
                *arguments,
            ],
            cwd=PROJECT,
            env={**kept, **ENVIRONMENT, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert "WeCom simulator at" in self.child.stdout.readline()

    def kill(self):
        self.child.send_signal(signal.SIGKILL)
        self._reap()

    def stop(self):
        self.child.send_signal(signal.SIGTERM)
        self._reap()

    def _reap(self):
        self.child.wait(timeout=10)
        self.child.stdout.close()

    def sim(self, path, body=None, *, status=200):
        """A control call; GET without a body. `status` None takes refusals too."""
        url = f"{self.url}/sim/{path}"
        answer = requests.get(url) if body is None else requests.post(url, json=body)
        assert status in (None, answer.status_code), answer.text
        return answer.json()

    def sign_in(self, secret=SECRET):
        answer = requests.get(
            f"{self.url}/cgi-bin/gettoken", params={"corpid": CORP, "corpsecret": secret}
        ).json()
        self.token = answer.get("access_token")
        return answer

    def api(self, path, body=None, **query):
        """An API call as this app; returns the whole answer."""
        if self.token is None:
            self.sign_in()
        params = {"access_token": self.token, **query}
        url = f"{self.url}/cgi-bin/{path}"
        if body is None:
            return requests.get(url, params=params, timeout=10).json()
        return requests.post(url, params=params, json=body, timeout=10).json()

    def seed_shop(self):
        """Two guides, three customers; the third is a friend of the second guide only."""
        follows = {"userid": "zhoulan", "createtime": 1767225600}
        self.sim("seed", {
            "departments": [
                {"id": 1, "name": "总部", "parentid": 0, "order": 1},
                {"id": 2, "name": "人民广场店", "parentid": 1, "order": 1},
            ],
            "users": [
                {"userid": "zhoulan", "name": "周岚", "department": [2], "position": "导购"},
                {"userid": "LiMing", "name": "李明", "department": [1]},
            ],
            "customers": [
                {"external_userid": "wmA", "name": "林晓雯", "unionid": "uA", "follows": [follows]},
                {"external_userid": "wmB", "name": "陈静怡", "follows": [follows]},
                {"external_userid": "wmC", "name": "马宁", "follows": [{"userid": "LiMing"}]},
            ],
        })  # fmt: skip

    def send(self, *receivers, sender="zhoulan", text="您好"):
        """Create a mass send and return the answer."""
        body = {"sender": sender, "external_userid": list(receivers), "text": {"content": text}}
        return self.api("externalcontact/add_msg_template", body)


class Listener:
    """Where callbacks arrive: checks and opens each, answers as told."""

    def __init__(self):
        self.events, self.raw, self.answers = [], [], []
        self.echo, self.connections = True, 0
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self):
                super().setup()
                outer.connections += 1

            def log_message(self, *args):
                pass

            def do_GET(self):
                query = {k: v[0] for k, v in parse_qs(urlparse(self.path).query).items()}
                clear = crypto.decrypt(AES_KEY, query["echostr"], CORP)
                self.answer(200, clear if outer.echo else "something else")

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.raw.append((self.path, body))
                status, wait = outer.answers.pop(0) if outer.answers else (200, 0)
                time.sleep(wait)
                if status == 200:
                    outer.events.append(outer.open(self.path, body))
                self.answer(status, "")

            def answer(self, status, text):
                self.send_response(status)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text.encode())

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/callback/"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def open(self, path, body):
        query = {k: v[0] for k, v in parse_qs(urlparse(path).query).items()}
        sealed = ElementTree.fromstring(body).findtext("Encrypt")
        signature = crypto.callback_signature(TOKEN, query["timestamp"], query["nonce"], sealed)
        assert signature == query["msg_signature"]
        clear = ElementTree.fromstring(crypto.decrypt(AES_KEY, sealed, CORP))
        return {node.tag: node.text for node in clear}

    def register(self, host):
        body = {"url": self.url, "token": TOKEN, "aes_key": AES_KEY}
        return host.sim("callback-config", body)

    def close(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture(scope="session")
def _host_process(tmp_path_factory):
    host = Host(tmp_path_factory.mktemp("wecom") / "state")
    host.start()
    yield host
    host.stop()


@pytest.fixture
def host(_host_process):
    """The shop of `seed_shop` on a host with nothing else on it."""
    _host_process.sim("reset", {})
    _host_process.token = None
    _host_process.seed_shop()
    return _host_process


@pytest.fixture
def own_host(tmp_path):
    """A process of the test's own, to be killed."""
    host = Host(tmp_path / "state")
    yield host
    if host.child is not None and host.child.poll() is None:
        host.stop()


@pytest.fixture
def listener():
    found = Listener()
    yield found
    found.close()
