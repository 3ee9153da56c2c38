import itertools
import json
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import urlencode

import pytest

from apps.wecom import crypto, services
from apps.wecom.selectors import endpoint_config

VECTORS = json.loads(
    (Path(__file__).parent.parent / "data" / "wecom-crypto-vectors.json").read_text("utf-8")
)
CORP_ID = "ww1a2b3c4d5e6f7081"
TOKEN = "scrmToken01"
AES_KEY = "MqBe1IIqdDV532xrJRwK5RkkTDEZYqCmTLvGnoTZSfc"
AGENT_ID = 1000021
SECRET = "app-secret-of-the-tests"


def vector(name):
    for group in ("vectors", "negative", "jssdk_signatures"):
        for row in VECTORS[group]:
            if row["name"] == name:
                return row
    raise LookupError(name)


def event_xml(**fields):
    body = "".join(f"<{name}><![CDATA[{value}]]></{name}>" for name, value in fields.items())
    return f"<xml><ToUserName><![CDATA[{CORP_ID}]]></ToUserName>{body}</xml>"


def added(userid="guide_sh001_07", external_userid="wmAAA", at=1767225660):
    return event_xml(
        FromUserName="sys",
        CreateTime=at,
        MsgType="event",
        Event="change_external_contact",
        ChangeType="add_external_contact",
        UserID=userid,
        ExternalUserID=external_userid,
    )


@pytest.fixture
def corp(db):
    endpoint = services.connect_corp(
        corp_id=CORP_ID,
        corp_name="Test corp",
        agent_id=AGENT_ID,
        secret=SECRET,
        token=TOKEN,
        aes_key=AES_KEY,
        slug="contacts",
    )
    return endpoint.corp


@pytest.fixture
def endpoint(corp):
    return endpoint_config("contacts")


@pytest.fixture
def seal(endpoint):
    """Seals a clear text as WeCom would, each time with a new nonce: `.query` and `.body`."""
    nonces = itertools.count(1)

    def make(text, keys=endpoint.keys, timestamp="1767225660"):
        nonce = f"nonce{next(nonces)}"
        encrypted, signature = crypto.seal_text(
            keys=keys, text=text, timestamp=timestamp, nonce=nonce
        )
        query = {"msg_signature": signature, "timestamp": timestamp, "nonce": nonce}
        return SimpleNamespace(
            encrypted=encrypted,
            seal=crypto.Seal.from_query(query),
            query=urlencode(query),
            echo_query=urlencode({**query, "echostr": encrypted}),
            body=f"<xml><ToUserName><![CDATA[{keys.receive_id}]]></ToUserName>"
            f"<Encrypt><![CDATA[{encrypted}]]></Encrypt></xml>",
        )

    return make


@pytest.fixture
def deliver(client, seal):
    """Posts a clear text to our callback address and returns the answer."""

    def post(text, **kwargs):
        sealed = seal(text, **kwargs)
        return client.post(
            f"/wecom/callback/contacts/?{sealed.query}", sealed.body, content_type="text/xml"
        )

    return post
