"""The folder stands alone: copied anywhere, one command, and a product can begin."""

import shutil
import subprocess
import sys

import requests

from tests.wecom_simulator.conftest import OWN_VARIABLES, PROJECT, free_port


def test_copied_elsewhere_it_starts_with_people_and_says_how_to_call(tmp_path, monkeypatch):
    for name in (*OWN_VARIABLES, "WECOM_CORP_ID", "WECOM_SECRET", "DJANGO_SETTINGS_MODULE"):
        monkeypatch.delenv(name, raising=False)
    shutil.copytree(PROJECT / "apps/wecom_simulator", tmp_path / "little_wecom")
    port = free_port()
    child = subprocess.Popen(
        [sys.executable, "-m", "little_wecom", "--sample", "--port", str(port),
         "--state-dir", str(tmp_path / "state")],
        cwd=tmp_path, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        _address, corp, app, api = (child.stdout.readline().split() for _line in range(4))
        asked = {"corpid": corp[1], "corpsecret": app[3]}
        token = requests.get(f"{api[1]}gettoken", params=asked, timeout=5).json()["access_token"]

        mine = {"access_token": token, "userid": "zhoulan"}
        found = requests.get(f"{api[1]}externalcontact/list", params=mine, timeout=5).json()

        assert len(found["external_userid"]) == 2
        assert "周岚" in requests.get(f"http://127.0.0.1:{port}/", timeout=5).text
    finally:
        child.terminate()
        child.wait(10)
        child.stdout.close()
