"""What the demo's head office has prepared: tags, scripts, pages, segments."""

from dataclasses import dataclass
from datetime import datetime
from uuid import NAMESPACE_URL, uuid5

from apps.accounts.actor import SYSTEM
from apps.outreach.models import ContentAsset, MessageTemplate
from apps.outreach.services.proposals import open_to_chain, propose_script, take_script
from apps.segments.services import save_segment
from apps.stores.models import Guide, Region, Store
from apps.tagging.models import Tag, TagGroup, Winner

# whether guides may put them on, and whose word counts where they are in WeCom too
_TAGS = (
    ("风格", True, Winner.BOTH, ("通勤", "休闲", "运动", "约会")),
    ("关注", True, Winner.OFF, ("等新款", "等折扣", "送礼", "脚宽", "试穿过")),
    ("到店", True, Winner.OFF, ("常带朋友来", "周末来", "只线上买")),
    ("活动结果", False, Winner.HQ, ("秋冬新靴已触达", "沉默唤醒已触达")),
)


@dataclass(frozen=True)
class Content:
    wake_up: MessageTemplate
    new_boots: MessageTemplate
    tags: dict[str, Tag]


def _greeting() -> None:
    """用作欢迎语: what every new friend of a guide is told by itself."""
    text = "您好，我是{门店}的{导购}，很高兴认识您。鞋码、到店、保养，随时问我。"
    MessageTemplate.objects.create(
        name="新好友欢迎语", body=text, generic_body=text, is_welcome=True
    )


def _offered(guide: Guide, store: Store, asset: ContentAsset, *, now: datetime) -> MessageTemplate:
    """A guide's own words, taken in and opened to the whole chain by head office."""
    proposal = propose_script(
        guide=guide,
        store=store,
        name="秋冬新靴到店",
        body="{称呼}您好，{门店}的{导购}给您留意着呢：秋冬新靴到店，您常穿的{尺码}还有货。",
        client_id=uuid5(NAMESPACE_URL, "demo:new_boots"),
        now=now,
    )
    take_script(proposal=proposal, actor=SYSTEM, now=now)
    script = open_to_chain(proposal=proposal, actor=SYSTEM, now=now)
    script.asset, script.stores_may_edit = asset, True
    script.generic_body = "您好，{门店}新到 12 款秋冬短靴，我是{导购}，想看尺码随时问我。"
    script.save()
    return script


def load_content(*, author: Guide, store: Store, now: datetime) -> Content:
    """Tags, pages and scripts, as an operator would have entered them; one is the `author`'s."""
    tags = {}
    for position, (group_name, by_guides, winner, names) in enumerate(_TAGS):
        group = TagGroup.objects.create(
            name=group_name, position=position, guides_may_apply=by_guides, wecom=winner
        )
        for name in names:
            tags[name] = Tag.objects.create(group=group, name=name)
    boots = ContentAsset.objects.create(
        title="秋冬新靴 12 款",
        summary="羊皮软底，走一天也不累",
        body="切尔西、方头短靴、马丁靴，到店可试全部尺码。\n"
        "周末门店 10:00 开门，导购提前为你留码。",
    )
    ContentAsset.objects.create(
        title="新鞋养护小卡",
        summary="三步让皮鞋多穿两年",
        body="1. 第一次穿前上一层无色鞋油。\n2. 连穿两天后休息一天。\n"
        "3. 淋雨后自然阴干，不要暴晒。",
    )
    prepared = Content(
        wake_up=MessageTemplate.objects.create(
            name="沉默老客 · 好久不见",
            body="{称呼}您好，我是{门店}的{导购}。您上次带走的{上次购买}穿着还喜欢吗？"
            "店里到了一批秋冬新靴，您的{尺码}都有，周末有空来试试。",
            generic_body="您好，我是{门店}的{导购}。店里到了一批秋冬新靴，羊皮软底，"
            "走一天也不累，周末有空过来试试吗？",
            asset=boots,
            stores_may_edit=True,
        ),
        new_boots=_offered(author, store, boots, now=now),
        tags=tags,
    )
    _greeting()
    return prepared


def silent_east() -> dict:
    """沉默、华东、消费满 500 元."""
    return {
        "op": "and",
        "items": [
            {"field": "stage", "operator": "in", "value": ["silent"]},
            {
                "field": "region",
                "operator": "in",
                "value": [Region.objects.get(code="hd").pk],
            },
            {"field": "net_fen", "operator": "gte", "value": 50_000},
        ],
    }


def load_segments() -> None:
    """The segments that head office starts from."""
    save_segment(name="华东沉默老客（满 500 元）", definition=silent_east(), actor=SYSTEM)
    save_segment(
        name="90 天内买过、未加企微",
        definition={
            "op": "and",
            "items": [
                {"field": "last_order_days", "operator": "lte", "value": 90},
                {"field": "is_friend", "operator": "is", "value": False},
            ],
        },
        actor=SYSTEM,
    )
    save_segment(
        name="首购满 60 天未复购",
        definition={
            "op": "and",
            "items": [
                {"field": "order_count", "operator": "between", "value": [1, 1]},
                {"field": "first_order_days", "operator": "gte", "value": 60},
            ],
        },
        actor=SYSTEM,
    )
