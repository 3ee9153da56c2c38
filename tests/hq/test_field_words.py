"""What is said beside a field that was filled in wrongly: what to type, in Chinese."""

import pytest
from django import forms
from django.utils import translation

WRONG = [
    (forms.CharField(), "", "请填写这一项。"),
    (forms.CharField(max_length=3), "四个字吧", "最多 3 个字，现在有 4 个。"),
    (forms.IntegerField(max_value=9), "十", "请填整数。"),
    (forms.IntegerField(max_value=9), "10", "最多填 9。"),
    (forms.IntegerField(min_value=1), "0", "最少填 1。"),
    (forms.DateField(), "下周", "请填日期，如 2026-11-30。"),
    (forms.TimeField(), "早上", "请填时间，如 09:30。"),
    (
        forms.URLField(assume_scheme="https"),
        "不是网址",
        "网址不完整，请填 https:// 开头的完整地址。",
    ),
]


@pytest.mark.parametrize(("field", "typed", "said"), WRONG)
def test_a_wrong_field_says_what_to_type(field, typed, said):
    with translation.override("zh-hans"), pytest.raises(forms.ValidationError) as refused:
        field.clean(typed)
    assert refused.value.messages == [said]
