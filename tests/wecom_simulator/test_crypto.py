import json
from pathlib import Path

import pytest

from apps.wecom_simulator import crypto

VECTORS = json.loads(
    (Path(__file__).parent.parent / "data" / "wecom-crypto-vectors.json").read_text("utf-8")
)
SEALED = [*VECTORS["vectors"], VECTORS["official_documentation_example"]]


def named(vector):
    return vector.get("name", "documentation")


@pytest.mark.parametrize("vector", SEALED, ids=named)
def test_vector_opens_to_its_plain_text(vector):
    assert (
        crypto.decrypt(vector["encoding_aes_key"], vector["encrypt"], vector["receiveid"])
        == vector["plaintext"]
    )


@pytest.mark.parametrize("vector", SEALED, ids=named)
def test_vector_seals_to_the_same_bytes(vector):
    sealed = crypto.encrypt(
        vector["encoding_aes_key"],
        vector["plaintext"],
        vector["receiveid"],
        random16=bytes.fromhex(vector["random16_hex"]),
    )

    assert sealed == vector["encrypt"]


@pytest.mark.parametrize("vector", SEALED, ids=named)
def test_vector_signature_is_reproduced(vector):
    signature = crypto.callback_signature(
        vector["token"], vector["timestamp"], vector["nonce"], vector["encrypt"]
    )

    assert signature == vector["msg_signature"]


@pytest.mark.parametrize("vector", VECTORS["jssdk_signatures"], ids=named)
def test_jssdk_signature_is_reproduced(vector):
    signature = crypto.jssdk_signature(
        vector["ticket"], vector["noncestr"], vector["timestamp"], vector["url"]
    )

    assert signature == vector["signature"]


def test_text_for_another_receiver_is_refused():
    vector = VECTORS["vectors"][0]

    with pytest.raises(crypto.BadCipherText):
        crypto.decrypt(vector["encoding_aes_key"], vector["encrypt"], "wwsomebodyelse")


def test_truncated_text_is_refused():
    vector = VECTORS["vectors"][0]

    with pytest.raises(crypto.BadCipherText):
        crypto.decrypt(vector["encoding_aes_key"], vector["encrypt"][:-8], vector["receiveid"])
