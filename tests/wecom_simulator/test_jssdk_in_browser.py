"""The stand-in script on a product page with a strict policy: in a chat's sidebar, and outside."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlparse

import pytest

from apps.wecom_simulator import crypto

from .conftest import CORP

pytestmark = [pytest.mark.browser, pytest.mark.slow]

SCRIPT = """
const signed = (kind) => async (url) =>
  (await fetch(`/sign?kind=${kind}&url=${encodeURIComponent(url)}`)).json();
const out = [];
const note = (name, value) => {
  out.push([name, value]);
  document.getElementById("out").textContent = JSON.stringify(out);
};
const attempt = async (name, params) => {
  try { note(name, await ww[name](params)); } catch (error) { note(name, error.errMsg); }
};
ww.register({
  corpId: document.body.dataset.corp, agentId: 1000002,
  jsApiList: ["getContext", "getCurExternalContact", "sendChatMessage", ...MORE],
  getConfigSignature: signed("config"), getAgentConfigSignature: signed("agent"),
  onConfigSuccess: () => note("config", "ok"), onConfigFail: (e) => note("config", e.errMsg),
});
(async () => {
  await attempt("getContext");
  await attempt("getCurExternalContact");
  await attempt("sendChatMessage", { msgtype: "text", text: { content: "从侧边栏发的" } });
  await attempt("openEnterpriseChat", { externalUserIds: "wmA" });
  for (const name of MORE) await attempt(name, PARAMS[name]);
  note("end", true);
})();
"""


ALL = {
    "openUserProfile": {"type": 2, "userid": "wmC"},
    "openExistedChatWithMsg": {"chatId": "wrNone"},
    "selectExternalContact": {"filterType": 0},
    "selectExternalChat": {},
    "shareToExternalChat": {"chatIds": [], "text": {"content": "x"}},
}


class Product:
    """One page, its script and its signatures, under a strict policy."""

    def __init__(self, host):
        self.tickets = {
            "config": host.api("get_jsapi_ticket")["ticket"],
            "agent": host.api("ticket/get", type="agent_config")["ticket"],
        }
        policy = (
            f"default-src 'none'; script-src 'self' {host.url}; connect-src 'self'; "
            f"frame-ancestors {host.url}"
        )
        html = (
            f'<!doctype html><link rel="icon" href="data:,"><body data-corp="{CORP}">'
            f'<pre id="out"></pre><script src="{host.url}/jssdk/wecom.js"></script>'
            '<script src="/page.js"></script>'
        )
        product = self
        self.calls = {}

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *args):
                pass

            def do_GET(self):
                parts = urlparse(self.path)
                if parts.path == "/page.js":
                    params = json.dumps(product.calls)
                    known = f"const PARAMS = {params}; const MORE = Object.keys(PARAMS);"
                    return self.answer(known + SCRIPT, "application/javascript")
                if parts.path == "/sign":
                    query = {k: v[0] for k, v in parse_qs(parts.query).items()}
                    return self.answer(json.dumps(product.sign(**query)), "application/json")
                return self.answer(html, "text/html")

            def answer(self, text, kind):
                self.send_response(200)
                self.send_header("Content-Type", f"{kind}; charset=utf-8")
                self.send_header("Content-Security-Policy", policy + "; img-src data:")
                self.end_headers()
                self.wfile.write(text.encode())

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/sidebar/"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def sign(self, kind, url):
        signature = crypto.jssdk_signature(self.tickets[kind], "n", 1767225600, url)
        return {"timestamp": 1767225600, "nonceStr": "n", "signature": signature}

    def close(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def product(host):
    found = Product(host)
    host.sim("corp", {"sidebar_url": found.url})
    yield found
    found.close()


@pytest.fixture
def complaints(page):
    """Everything the browser's console had to say."""
    said = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    return said


def outcome(frame):
    frame.locator("#out", has_text='"end",true').wait_for(state="attached")
    return dict(json.loads(frame.locator("#out").text_content()))


def test_sidebar_knows_its_customer_and_sends_into_the_chat(host, product, page, complaints):
    page.set_viewport_size({"width": 1100, "height": 780})
    page.goto(f"{host.url}/phone/guide/zhoulan/chat/wmA/")

    said = outcome(page.frame_locator("#frame"))

    assert said["config"] == "ok"
    assert said["getContext"]["entry"] == "single_chat_tools"
    assert said["getCurExternalContact"]["userId"] == "wmA"
    assert said["sendChatMessage"]["errMsg"] == "sendChatMessage:ok"
    assert said["openEnterpriseChat"] == "openEnterpriseChat:fail no permission"
    page.get_by_text("从侧边栏发的").wait_for()
    assert host.sim("phones/customers/wmA")["messages"][-1]["text"] == "从侧边栏发的"
    assert complaints == []


def test_outside_a_chat_the_calls_fail_as_the_real_ones_do(host, product, page, complaints):
    page.goto(product.url)

    said = outcome(page)

    assert said["config"] == "ok"
    assert said["getContext"]["entry"] == "normal"
    assert said["getCurExternalContact"].endswith("fail without context of external contact")
    assert said["sendChatMessage"].endswith("fail no permission")
    assert complaints == []


def test_page_with_a_forged_signature_gets_nothing(host, product, page):
    product.tickets = {"config": "made-up", "agent": "made-up"}
    page.goto(f"{host.url}/phone/guide/zhoulan/chat/wmA/")

    frame = page.frame_locator("#frame")
    # nothing waits for the refusal of the page, so it may come after that of the calls
    frame.locator("#out", has_text='"config",').wait_for(state="attached")
    said = outcome(frame)

    assert said["config"] == "config:fail bad signature"
    assert said["getCurExternalContact"] == "getCurExternalContact:fail no permission"
    assert host.sim("phones/customers/wmA")["messages"] == []


def test_on_a_profile_the_customer_is_known_and_nothing_can_be_sent(
    host, product, page, complaints
):
    page.goto(f"{host.url}/phone/guide/zhoulan/chat/wmA/profile/")

    said = outcome(page.frame_locator("#frame"))

    assert said["getContext"]["entry"] == "contact_profile"
    assert said["getCurExternalContact"]["userId"] == "wmA"
    assert said["sendChatMessage"] == "sendChatMessage:fail no permission"
    assert host.sim("phones/customers/wmA")["messages"] == []
    assert complaints == []


def test_from_the_attachments_of_a_chat_one_may_send_and_not_ask_who_it_is(host, product, page):
    page.goto(f"{host.url}/phone/guide/zhoulan/chat/wmA/")
    page.get_by_text("附件栏").click()
    page.wait_for_url("**entry=chat_attachment**")

    said = outcome(page.frame_locator("#frame"))

    assert said["getContext"]["entry"] == "chat_attachment"
    assert said["getCurExternalContact"] == "getCurExternalContact:fail no permission"
    assert said["sendChatMessage"]["errMsg"] == "sendChatMessage:ok"


def test_customers_are_picked_from_a_list_that_the_phone_draws(host, product, page):
    product.calls = {"selectExternalContact": ALL["selectExternalContact"]}
    page.goto(f"{host.url}/phone/guide/zhoulan/chat/wmA/")

    page.locator("dialog label", has_text="陈静怡").click()
    page.locator("dialog").get_by_text("确定").click()

    said = outcome(page.frame_locator("#frame"))
    assert said["selectExternalContact"]["userIds"] == ["wmB"]


def test_colleagues_are_picked_from_a_list_that_the_phone_draws(host, product, page):
    product.calls = {"selectPrivilegedContact": {"fromDepartmentId": 0, "mode": "single"}}
    page.goto(f"{host.url}/phone/guide/zhoulan/chat/wmA/")

    page.locator("dialog label", has_text="李明").click()
    page.locator("dialog").get_by_text("确定").click()

    said = outcome(page.frame_locator("#frame"))
    assert said["selectPrivilegedContact"]["selectedUserCount"] == 1
    assert len(said["selectPrivilegedContact"]["userList"]) == 1


def test_the_other_calls_fail_with_their_reasons_and_need_permission(host, product, page):
    product.calls = ALL
    page.goto(product.url)  # nobody's phone
    said = outcome(page)
    assert {said[name] for name in ALL} == {f"{name}:fail no permission" for name in ALL}

    page.goto(f"{host.url}/phone/guide/zhoulan/")
    page.goto(product.url)
    said = outcome(page)
    assert said["openUserProfile"] == "openUserProfile:fail no permission"  # a colleague's
    assert said["openExistedChatWithMsg"] == "openExistedChatWithMsg:fail invalid chatId"
    assert said["selectExternalContact"] == "selectExternalContact:cancel"
    assert said["shareToExternalChat"] == "shareToExternalChat:fail no group to send to"
    reason = "fail no permission: not for self-built apps"
    assert said["selectExternalChat"] == f"selectExternalChat:{reason}"


def test_with_a_forged_signature_no_call_does_anything(host, product, page):
    product.calls = ALL
    product.tickets = {"config": "made-up", "agent": "made-up"}
    page.goto(f"{host.url}/phone/guide/zhoulan/chat/wmA/")

    said = outcome(page.frame_locator("#frame"))

    assert {said[name] for name in ALL} == {f"{name}:fail no permission" for name in ALL}
