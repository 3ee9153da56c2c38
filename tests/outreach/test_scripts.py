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


# --- another wording of a script ------------------------------------------------------------------

HQ = "{称呼}，{门店}到了新靴，看 https://s.example.com/x 吧。"


def test_another_wording_keeps_every_variable_and_link():
    scripts.validate_wording("{门店}的新靴到啦{称呼} https://s.example.com/x", instead_of=HQ)


@pytest.mark.parametrize(
    ("body", "refused"),
    [
        ("", scripts.WordsMissing),
        ("{称呼}，到了新靴 https://s.example.com/x", scripts.VariablesChanged),
        ("{称呼}，{门店}到了新靴", scripts.VariablesChanged),
        ("{称呼}，{门店}，{尺码} https://s.example.com/x", scripts.VariablesChanged),
        ("{称呼}，{门店} https://s.example.com/y", scripts.VariablesChanged),
        ("{称呼}，{门店}最佳新靴 https://s.example.com/x", scripts.ForbiddenWords),
        ("{称呼}，{门店}" + "很" * 200 + " https://s.example.com/x", scripts.WordsTooLong),
    ],
)
def test_what_head_office_does_not_allow_is_refused(body, refused):
    with pytest.raises(refused):
        scripts.validate_wording(body, instead_of=HQ)


def test_where_head_office_says_nothing_a_store_says_nothing():
    scripts.validate_wording("", instead_of="")
    with pytest.raises(scripts.VariablesChanged):
        scripts.validate_wording("新的一句", instead_of="")
