import pytest
from cryptography.exceptions import InvalidTag
from hypothesis import given
from hypothesis import strategies as st

from apps.core import pii


@given(st.text())
def test_what_is_encrypted_comes_back(text):
    sealed = pii.encrypt(text)

    assert pii.decrypt(sealed) == text
    assert pii.encrypt(text) != sealed


def test_a_changed_byte_is_noticed():
    sealed = bytearray(pii.encrypt("+8613800001234"))
    sealed[-1] ^= 1

    with pytest.raises(InvalidTag):
        pii.decrypt(bytes(sealed))


def test_an_old_key_still_reads_what_it_wrote(settings):
    old = settings.PII_KEYS
    sealed = pii.encrypt("before the change")
    settings.PII_KEYS = f"203:{'QUFB' * 10}QUE=,{old}"

    assert pii.decrypt(sealed) == "before the change"
    assert pii.encrypt("after")[0] == 203


def test_a_value_key_depends_on_kind_scope_value_and_pepper(settings):
    key = pii.value_key("phone", 0, "+8613800001234")

    assert len(key) == 16
    assert key == pii.value_key("phone", "0", "+8613800001234")
    others = {
        pii.value_key("unionid", 0, "+8613800001234"),
        pii.value_key("phone", 1, "+8613800001234"),
        pii.value_key("phone", 0, "+8613800001235"),
    }
    settings.PII_PEPPER = "another pepper"
    others.add(pii.value_key("phone", 0, "+8613800001234"))
    assert key not in others
    assert len(others) == 4


@pytest.mark.parametrize(
    "raw",
    [
        "13800001234",
        "+86 138 0000 1234",
        "0086-138-0000-1234",
        "138-0000-1234",
        "１３８００００１２３４",
    ],
)
def test_spellings_of_a_number_are_one_number(raw):
    assert pii.normalise_phone(raw) == "+8613800001234"


def test_a_range_no_operator_has_is_a_number_all_the_same():
    assert pii.normalise_phone("10012345678") == "+8610012345678"


@pytest.mark.parametrize("raw", ["", "abc", "1380000123", "138000012345", "010-62345678", None])
def test_what_is_no_mobile_number_is_refused(raw):
    with pytest.raises(pii.InvalidPhone):
        pii.normalise_phone(raw)


def test_a_foreign_number_keeps_its_country():
    assert pii.normalise_phone("+852 5123 4567") == "+85251234567"


@pytest.mark.parametrize(
    ("shown", "whole"),
    [("138****1234", "+8613800001234"), ("+85****4567", "+85251234567"), ("****", "+1234")],
)
def test_a_masked_phone_keeps_its_ends(shown, whole):
    assert pii.mask_phone(whole) == shown


@pytest.mark.parametrize(
    ("shown", "whole"),
    [
        ("林*雯", "林晓雯"),
        ("王*", "王芳"),
        ("*", "李"),
        ("", ""),
        ("欧**雯", "欧阳晓雯"),
        ("J***n", "John Robertson"),
    ],
)
def test_a_masked_name_keeps_its_ends(shown, whole):
    assert pii.mask_name(whole) == shown
