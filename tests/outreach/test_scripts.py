import pytest

from apps.outreach import scripts


def test_variables_are_filled_in_and_missing_ones_get_neutral_words():
    text = scripts.render("{称呼}，{上次购买}好穿吗？", {"称呼": "林姐", "上次购买": ""})

    assert text == "林姐，之前选的那款好穿吗？"


def test_a_value_with_brackets_is_not_read_again():
    assert scripts.render("{姓名}！", {"姓名": "{门店}"}) == "{门店}！"


@pytest.mark.parametrize("body", ["你好{性名}", "{}", "{姓名", "姓名}", "{姓{名}}"])
def test_an_unknown_or_broken_variable_is_refused(body):
    with pytest.raises(scripts.UnknownVariable):
        scripts.validate_script(body)


def test_customer_variables_make_one_text_for_many_impossible():
    assert scripts.has_customer_variables("{称呼}，新款到了")
    assert not scripts.has_customer_variables("{门店}的{导购}：新款到了")
