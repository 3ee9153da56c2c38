"""The made-up shop: footwear and clothing, each style in its colours and sizes."""

from dataclasses import dataclass
from datetime import datetime

from apps.orders.models import Product

_SHOES_F = ("35", "36", "37", "38", "39")
_SHOES_M = ("40", "41", "42", "43", "44")
_WEAR_F = ("S", "M", "L", "XL")
_WEAR_M = ("M", "L", "XL", "2XL")


@dataclass(frozen=True)
class Style:
    number: str
    name: str
    category: str
    gender: str
    season: str
    yuan: int
    colours: tuple[str, ...]
    sizes: tuple[str, ...]


def _style(number: int, row: tuple[str, str, str, str, int, str]) -> Style:
    name, category, gender, season, yuan, colours = row
    shoes = category in ("靴子", "皮鞋", "运动鞋", "凉鞋")
    sizes = {"f": _SHOES_F, "m": _SHOES_M} if shoes else {"f": _WEAR_F, "m": _WEAR_M}
    return Style(
        number=f"BH{number:04d}",
        name=name,
        category=category,
        gender=gender,
        season=season,
        yuan=yuan,
        colours=tuple(colours.split("·")),
        sizes=("均码",) if category == "配饰" else sizes["m" if gender == "m" else "f"],
    )


_ROWS: tuple[tuple[str, str, str, str, int, str], ...] = (
    ("羊皮切尔西靴", "靴子", "f", "秋冬", 1299, "黑·棕"),
    ("方头短靴", "靴子", "f", "秋冬", 999, "棕·米"),
    ("弹力过膝靴", "靴子", "f", "秋冬", 1599, "黑"),
    ("软底马丁靴", "靴子", "f", "秋冬", 1099, "黑·酒红"),
    ("雪地短靴", "靴子", "f", "秋冬", 699, "驼·灰"),
    ("工装靴", "靴子", "m", "秋冬", 1199, "黑·卡其"),
    ("商务切尔西靴", "靴子", "m", "秋冬", 1399, "黑"),
    ("厚底乐福鞋", "皮鞋", "f", "四季", 899, "黑·棕"),
    ("浅口单鞋", "皮鞋", "f", "春夏", 599, "裸·黑·红"),
    ("玛丽珍鞋", "皮鞋", "f", "四季", 699, "黑·银"),
    ("穆勒拖鞋", "皮鞋", "f", "春夏", 499, "米·黑"),
    ("德比皮鞋", "皮鞋", "m", "四季", 1099, "黑·棕"),
    ("乐福皮鞋", "皮鞋", "m", "四季", 899, "黑·咖"),
    ("正装牛津鞋", "皮鞋", "m", "四季", 1299, "黑"),
    ("轻跑鞋", "运动鞋", "f", "四季", 499, "白·粉"),
    ("老爹鞋", "运动鞋", "f", "四季", 599, "白·米"),
    ("小白鞋", "运动鞋", "f", "四季", 399, "白"),
    ("德训鞋", "运动鞋", "f", "四季", 549, "米·灰"),
    ("缓震跑鞋", "运动鞋", "m", "四季", 599, "黑·蓝"),
    ("复古板鞋", "运动鞋", "m", "四季", 449, "白·灰"),
    ("徒步鞋", "运动鞋", "m", "四季", 799, "卡其·黑"),
    ("编织凉鞋", "凉鞋", "f", "春夏", 459, "棕·白"),
    ("一字带凉鞋", "凉鞋", "f", "春夏", 529, "黑·金"),
    ("沙滩凉鞋", "凉鞋", "m", "春夏", 329, "黑·棕"),
    ("羊毛大衣", "外套", "f", "秋冬", 1699, "驼·黑"),
    ("短款羽绒服", "外套", "f", "秋冬", 1199, "白·黑"),
    ("风衣", "外套", "f", "春秋", 899, "卡其·藏青"),
    ("西装外套", "外套", "f", "春秋", 799, "黑·灰"),
    ("夹克", "外套", "m", "春秋", 699, "黑·军绿"),
    ("长款羽绒服", "外套", "m", "秋冬", 1399, "黑·藏青"),
    ("羊绒衫", "针织", "f", "秋冬", 899, "米·驼·灰"),
    ("半高领毛衣", "针织", "f", "秋冬", 399, "黑·白"),
    ("针织开衫", "针织", "f", "春秋", 359, "杏·粉"),
    ("圆领羊毛衫", "针织", "m", "秋冬", 599, "灰·藏青"),
    ("真丝衬衫", "上衣", "f", "春夏", 599, "白·香槟"),
    ("条纹衬衫", "上衣", "f", "四季", 329, "蓝·白"),
    ("基础短袖", "上衣", "f", "春夏", 129, "白·黑·灰"),
    ("免烫衬衫", "上衣", "m", "四季", 359, "白·浅蓝"),
    ("棉质短袖", "上衣", "m", "春夏", 149, "白·黑"),
    ("针织连衣裙", "裙装", "f", "秋冬", 699, "黑·酒红"),
    ("碎花连衣裙", "裙装", "f", "春夏", 499, "蓝·绿"),
    ("百褶半裙", "裙装", "f", "四季", 359, "黑·卡其"),
    ("直筒牛仔裤", "裤装", "f", "四季", 359, "蓝·黑"),
    ("阔腿西裤", "裤装", "f", "四季", 429, "黑·灰"),
    ("休闲长裤", "裤装", "m", "四季", 399, "卡其·黑"),
    ("锥形牛仔裤", "裤装", "m", "四季", 379, "深蓝"),
    ("羊绒围巾", "配饰", "u", "秋冬", 399, "灰·驼·红"),
    ("羊皮手套", "配饰", "u", "秋冬", 299, "黑·棕"),
    ("真皮腰带", "配饰", "u", "四季", 259, "黑·棕"),
    ("中筒袜三双装", "配饰", "u", "四季", 69, "黑·白"),
    ("鞋油护理套装", "配饰", "u", "四季", 89, "无色"),
    ("托特包", "配饰", "f", "四季", 799, "黑·棕"),
)

STYLES: tuple[Style, ...] = tuple(_style(number, row) for number, row in enumerate(_ROWS, 1))


def sku_of(style: Style, colour: str, size: str) -> str:
    """`BH0001-1-37`: style, number of the colour, size."""
    position = style.sizes.index(size) + 1 if size == "均码" else size
    return f"{style.number}-{style.colours.index(colour) + 1}-{position}"


def load_products(*, listed_at: datetime) -> int:
    """Write the catalogue as it was known by then; return how many items there are."""
    rows = [
        Product(
            sku=sku_of(style, colour, size),
            style_no=style.number,
            name=style.name,
            category=style.category,
            colour=colour,
            size=size,
            season=style.season,
            tag_price_fen=style.yuan * 100,
            listed_at=listed_at,
        )
        for style in STYLES
        for colour in style.colours
        for size in style.sizes
    ]
    Product.objects.bulk_create(rows, ignore_conflicts=True)
    return len(rows)
