"""What the client asks of WeCom: only what there is. The roads that WeCom closed are not tried."""

import ast
import re
from pathlib import Path

from apps.wecom_simulator.endpoints import ENDPOINTS

PROJECT = Path(__file__).resolve().parents[2]
CLIENT = PROJECT / "apps" / "wecom" / "client"
PATH_HEADS = (
    "agent/", "auth/", "department/", "externalcontact/", "media/", "message/", "ticket/", "user/",
)  # fmt: skip
# kept up no more, or withdrawn: the shopping guides' interface of official accounts among them
CLOSED = {
    "externalcontact/transfer",
    "externalcontact/get_transfer_result",
    "externalcontact/get_group_msg_result",
    "message/update_taskcard",
}
OFFICIAL_ACCOUNTS = re.compile(r"(?<!qy)api\.weixin\.qq\.com")


def paths():
    """Every whole path the client's modules name."""
    for file in sorted(CLIENT.glob("*.py")):
        for node in ast.walk(ast.parse(file.read_text())):
            if not isinstance(node, ast.Constant) or not isinstance(node.value, str):
                continue
            text = node.value
            if text.startswith(PATH_HEADS) and not text.endswith("/") and " " not in text:
                yield text


def test_every_path_of_the_client_is_answered_by_the_simulator():
    asked = set(paths())

    assert len(asked) > 30
    assert sorted(asked - set(ENDPOINTS)) == []


def test_no_closed_road_is_built_on():
    asked = set(paths())

    assert not asked & CLOSED
    assert not [path for path in asked if path.startswith("guide/")]
    folders = [PROJECT / name for name in ("apps", "scrm", "static", "templates")]
    texts = [
        file
        for folder in folders
        for file in folder.rglob("*")
        if file.suffix in {".py", ".js", ".html"} and OFFICIAL_ACCOUNTS.search(file.read_text())
    ]
    assert texts == []
