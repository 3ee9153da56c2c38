"""The README of the simulator as a stranger reads it: every command in it works."""

import json
import re
import subprocess

import pytest

from apps.wecom_simulator import urls
from apps.wecom_simulator.world import DEFAULT_SWITCHES

from .conftest import AES_KEY, CORP, PROJECT, SECRET, TOKEN

README = (PROJECT / "apps" / "wecom_simulator" / "README.md").read_text()
LEFT_OUT = "…"  # something only the reader knows


def commands():
    """The indented lines that ask the host something, in order."""
    lines = re.findall(r"^    (\S.*)$", README, re.MULTILINE)
    return [line for line in lines if "python -m" not in line and LEFT_OUT not in line]


@pytest.mark.slow
def test_every_command_of_the_readme_works(own_host, listener, tmp_path):
    own_host.start("--sample")
    script = "\n".join(["set -eo pipefail", *commands()])
    script = script.replace("http://127.0.0.1:8010", own_host.url)
    script = script.replace("http://127.0.0.1:9000/wecom", listener.url)
    script = script.replace("ww5c5d000000000001", CORP).replace("simulated-app-secret", SECRET)
    script = script.replace("$KEY", AES_KEY).replace("mytoken", TOKEN)  # what the listener opens

    done = subprocess.run(
        ["bash", "-c", script],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert '"error"' not in done.stdout
    refused = [code for code in re.findall(r'"errcode": ?(-?\d+)', done.stdout) if code != "0"]
    # the last thing it is told is to break what follows
    assert set(refused) <= {"45009", "40014"}, done.stdout
    assert (tmp_path / "kept.json").exists()
    assert json.loads((tmp_path / "kept.json").read_text())["users"]


def test_every_control_and_every_switch_is_named():
    controls = {str(one.pattern) for one in urls.urlpatterns if str(one.pattern).startswith("sim/")}
    missing = [
        path for path in controls
        if path.removeprefix("sim/").split("/<")[0] not in README
        and f"`{path.rpartition('/')[2]}`" not in README
    ]  # fmt: skip

    assert missing == []
    assert [name for name in DEFAULT_SWITCHES if name not in README] == []
