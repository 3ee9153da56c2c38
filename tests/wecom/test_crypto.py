import pytest
import xmltodict
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.wecom import crypto
from apps.wecom.client import sign_page
from apps.wecom.errors import CallbackForged, CallbackRejected

from .conftest import VECTORS, vector

OFFICIAL = {"name": "official_documentation_example", **VECTORS["official_documentation_example"]}
SEALED = [*VECTORS["vectors"], OFFICIAL]


def opened(case, **changes):
    case = {**case, **changes}
    return crypto.open_sealed(
        keys=crypto.Keys(case["token"], case["encoding_aes_key"], case["receiveid"]),
        seal=crypto.Seal(case["msg_signature"], case["timestamp"], case["nonce"]),
        encrypted=case["encrypt"],
    )


@pytest.mark.parametrize("case", SEALED, ids=lambda case: case["name"])
def test_every_vector_opens_to_its_plain_text(case):
    assert opened(case) == case["plaintext"]


@pytest.mark.parametrize("case", SEALED, ids=lambda case: case["name"])
def test_what_we_seal_opens_again(case):
    keys = crypto.Keys(case["token"], case["encoding_aes_key"], case["receiveid"])

    encrypted, signature = crypto.seal_text(
        keys=keys, text=case["plaintext"], timestamp="1", nonce="2"
    )

    assert (
        opened(case, encrypt=encrypted, msg_signature=signature, timestamp="1", nonce="2")
        == (case["plaintext"])
    )


@pytest.mark.parametrize("name", ["bad_signature", "tampered_ciphertext", "wrong_receiveid"])
def test_every_forgery_is_refused(name):
    negative = vector(name)
    changes = {key: negative[key] for key in ("encrypt", "msg_signature") if key in negative}

    with pytest.raises(CallbackForged):
        opened(vector(negative["base"]), **changes)


def test_an_old_timestamp_with_a_good_signature_opens():
    base = vector(vector("stale_timestamp")["base"])

    assert opened(base) == base["plaintext"]


def test_signed_rubbish_is_refused_without_a_crash():
    base = vector("add_external_contact")
    for rubbish in ("", "not base64!", "QUJD", base["encrypt"][:64]):
        signature = crypto.sign(
            token=base["token"],
            timestamp=base["timestamp"],
            nonce=base["nonce"],
            encrypted=rubbish,
        )
        with pytest.raises(CallbackForged):
            opened(base, encrypt=rubbish, msg_signature=signature)


@pytest.mark.parametrize("case", VECTORS["jssdk_signatures"], ids=lambda case: case["name"])
def test_page_signatures_match_the_vectors(case):
    signature = sign_page(
        ticket=case["ticket"], nonce=case["noncestr"], timestamp=case["timestamp"], url=case["url"]
    )

    assert signature == case["signature"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "not xml",
        "<xml><a>",
        "<other/>",
        "<xml>only text</xml>",
        b"\xff\xfe<xml/>",
        '<!DOCTYPE xml [<!ENTITY a "b">]><xml><Encrypt>&a;</Encrypt></xml>',
        '<!DOCTYPE xml SYSTEM "file:///etc/passwd"><xml><Encrypt>a</Encrypt></xml>',
        "<xml>" + "<a>" * 20_000 + "</a>" * 20_000 + "</xml>",
    ],
    ids=["empty", "text", "cut", "root", "flat", "utf16", "entity", "external", "deep"],
)
def test_foreign_xml_is_refused(text):
    with pytest.raises(CallbackRejected):
        crypto.read_xml(text)


def test_a_text_may_speak_of_a_doctype():
    fields = crypto.read_xml("<xml><Content><![CDATA[<!DOCTYPE html>]]></Content></xml>")

    assert fields == {"Content": "<!DOCTYPE html>"}


def test_the_key_ignores_the_order_of_fields_and_nothing_else():
    fields = {"Event": "e", "CreateTime": "1", "UserID": "a"}
    key = crypto.callback_key(corp_id="c", agent_id=1, fields=fields)

    reordered = dict(reversed(fields.items()))
    assert crypto.callback_key(corp_id="c", agent_id=1, fields=reordered) == key
    assert crypto.callback_key(corp_id="d", agent_id=1, fields=fields) != key
    assert crypto.callback_key(corp_id="c", agent_id=2, fields=fields) != key
    assert crypto.callback_key(corp_id="c", agent_id=1, fields={**fields, "UserID": "b"}) != key
    assert len(key) == 32


_TEXTS = st.text(st.sampled_from("aZ9_- \t\n\r客户<>&]!\x00\x1f\x85\ufffe😀"), max_size=8)
_NAMES = st.sampled_from(["Event", "UserID", "a", "xml", "x.y", "客户", "A_1"])
_FIELDS = st.one_of(
    st.builds("<{0}><![CDATA[{1}]]></{0}>".format, _NAMES, _TEXTS),
    st.builds("<{0}>{1}</{0}>".format, _NAMES, _TEXTS),
    st.builds("<{0}/>".format, _NAMES),
    st.builds("<{0}><a>{1}</a></{0}>".format, _NAMES, _TEXTS),
    st.builds("<{0} b='{1}'></{0}>".format, _NAMES, _TEXTS),
    _TEXTS,
)


@settings(max_examples=400, deadline=None)
@given(st.lists(_FIELDS, max_size=4).map("".join))
def test_the_short_way_says_what_the_parser_says_or_nothing(fields):
    text = f"<xml>{fields}</xml>"
    found = crypto._flat_fields(text)

    if found is not None:
        parsed = xmltodict.parse(text, disable_entities=True)["xml"]
        assert found == {name: value or "" for name, value in parsed.items()}


def test_what_wecom_writes_takes_the_short_way():
    for case in SEALED:
        if case["plaintext"].startswith("<xml") and "<Item>" not in case["plaintext"]:
            assert crypto._flat_fields(case["plaintext"]) == crypto.read_xml(case["plaintext"])
    assert crypto._flat_fields(
        "<xml>\n<A><![CDATA[ 1 < 2 & 3 ]]></A>\n<B>4</B>\n<C></C></xml>\n"
    ) == {"A": "1 < 2 & 3", "B": "4", "C": ""}
