"""Made-up people: names that look real, numbers that cannot be called."""

import random

_SURNAMES = (
    "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧程曹袁邓许傅沈曾彭吕苏卢蒋蔡贾丁魏薛叶阎"
    "余潘杜戴夏钟汪田任姜范方石姚谭廖邹熊金陆郝孔白崔康毛邱秦江史顾侯邵孟龙万段雷钱汤尹黎易常武乔贺赖龚文"
)
_COMPOUND = ("欧阳", "上官", "司徒", "诸葛")
_FEMALE = "晓雯静怡慧敏雅婷丽娜思琪梦洁佳颖欣悦诗涵雨萱若曦可心语嫣芷兰紫薇文君书瑶清妍乐彤亦菲"
_MALE = "一鸣浩然子轩俊杰志强建国明哲宇航天佑博文嘉豪泽楷睿渊正阳立成思远承志家辉景行云飞"

# 11 digits as a mobile number has, but no operator serves these prefixes: nobody can be called.
_PREFIXES = ("142", "143")


def name_of(dice: random.Random, gender: str) -> str:
    """A family name and one or two characters; two thirds have two."""
    family = dice.choice(_COMPOUND) if dice.random() < 0.01 else dice.choice(_SURNAMES)
    letters = _FEMALE if gender == "f" else _MALE
    count = 2 if dice.random() < 0.68 else 1
    return family + "".join(dice.sample(letters, count))


def phone_of(number: int) -> str:
    """The n-th number: spread over the space so that last fours look random, never twice the
    same."""
    scrambled = (number * 48_271 + 11) % 100_000_007
    return f"{_PREFIXES[number % 2]}{scrambled % 100_000_000:08d}"
