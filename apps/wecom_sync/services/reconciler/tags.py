"""The catalogue of tags: groups and tags of both sides, by the word of whose counts.

What is to be made or renamed in WeCom is done after the list was read and matched by name, so that
a lost answer makes nothing twice: the next run finds by name what the last one made.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db import connection

from apps.tagging import services as tagging
from apps.tagging.models import Tag, TagGroup, Winner
from apps.wecom.client import NOT_OUR_TAG
from apps.wecom.errors import Refused
from apps.wecom.shapes import CorpTagGroup, CorpTagItem
from apps.wecom_sync.models import CorpTag
from apps.wecom_sync.services.reconciler.walk import Walk

# whose tags are made in WeCom, and named as ours are
OURS_GO_THERE = frozenset({Winner.HQ, Winner.BOTH})
OURS_NAME = frozenset({Winner.HQ})


@dataclass
class _Plan:
    """What both sides lack, found before anything is written."""

    to_map: list[tuple[Tag, CorpTagItem]] = field(default_factory=list)
    to_take: list[tuple[CorpTagGroup, CorpTagItem]] = field(default_factory=list)
    to_rename_here: list[tuple[CorpTag, str]] = field(default_factory=list)
    to_rename_there: list[CorpTag] = field(default_factory=list)
    gone: list[CorpTag] = field(default_factory=list)
    to_make: dict[str, list[Tag]] = field(default_factory=dict)


def compare(walk: Walk) -> None:
    """Tags of groups that are in WeCom: matched, taken over, renamed, made."""
    groups = walk.client.list_corp_tags()
    with walk.chunk():
        plan = _plan(walk.corp.corp_id, groups)
        _count(walk, groups, plan)
        if not walk.dry:
            walk.count(healed=_heal_here(walk, plan))
    if not walk.dry:
        _make(walk, plan)
        _rename_there(walk, plan.to_rename_there)


def _plan(corp_id: str, groups: Sequence[CorpTagGroup]) -> _Plan:
    plan = _Plan()
    mapped = {
        row.wecom_id: row
        for row in CorpTag.objects.filter(corp_id=corp_id).select_related("tag__group")
    }
    ours = {(tag.group.name, tag.name): tag for tag in Tag.objects.select_related("group")}
    modes = dict(TagGroup.objects.values_list("name", "wecom"))
    held = {row.tag_id for row in mapped.values()}
    listed = set()
    for group in groups:
        for item in group.tags:
            listed.add(item.id)
            if item.id in mapped:
                _same_name(plan, mapped[item.id], item)
                continue
            tag = ours.get((group.name, item.name))
            if tag is not None and tag.pk not in held and tag.group.wecom != Winner.OFF:
                plan.to_map.append((tag, item))
                held.add(tag.pk)
            elif tag is None and modes.get(group.name, Winner.WECOM) in (Winner.WECOM, Winner.BOTH):
                plan.to_take.append((group, item))
    plan.gone = [row for wecom_id, row in mapped.items() if wecom_id not in listed]
    gone = {row.tag_id for row in plan.gone}
    for tag in ours.values():
        missing = tag.pk not in held or tag.pk in gone
        if missing and tag.retired_at is None and tag.group.wecom in OURS_GO_THERE:
            plan.to_make.setdefault(tag.group.name, []).append(tag)
    return plan


def _same_name(plan: _Plan, row: CorpTag, item: CorpTagItem) -> None:
    winner = row.tag.group.wecom
    if row.tag.name == item.name or winner == Winner.OFF:
        return
    if winner in OURS_NAME:
        plan.to_rename_there.append(row)
    elif row.name_there != item.name:
        plan.to_rename_here.append((row, item.name))
    elif winner == Winner.BOTH:  # WeCom's name stayed, so ours is the newer
        plan.to_rename_there.append(row)
    else:
        plan.to_rename_here.append((row, item.name))


def _count(walk: Walk, groups: Sequence[CorpTagGroup], plan: _Plan) -> None:
    made = sum(len(tags) for tags in plan.to_make.values())
    walk.count(
        seen=sum(len(group.tags) for group in groups),
        missing_here=len(plan.to_map) + len(plan.to_take),
        missing_there=made + sum(1 for row in plan.gone if not _is_made_again(row)),
        differing=len(plan.to_rename_here) + len(plan.to_rename_there),
    )
    for group, item in plan.to_take:
        walk.example("tag_taken", tag=item.name, group=group.name)
    for name, tags in plan.to_make.items():
        for tag in tags:
            walk.example("tag_made", tag=tag.name, group=name)
    for row in plan.gone:
        walk.example("tag_gone", tag=row.tag.name, group=row.tag.group.name)
    for row, name in plan.to_rename_here:
        walk.example("tag_renamed_here", tag=row.tag.name, to=name)
    for row in plan.to_rename_there:
        walk.example("tag_renamed_there", tag=row.name_there, to=row.tag.name)


def _is_made_again(row: CorpTag) -> bool:
    return row.tag.group.wecom in OURS_GO_THERE and row.tag.retired_at is None


# --- here ----------------------------------------------------------------------------------------


def _heal_here(walk: Walk, plan: _Plan) -> int:
    corp_id, now = walk.corp.corp_id, walk.now
    _forget(corp_id, plan.gone, now)
    for row, name in plan.to_rename_here:
        tagging.rename_tag(tag_id=row.tag_id, name=name)
        CorpTag.objects.filter(pk=row.pk).update(name_there=name)
    taken = [(_tag_like(group, item), item) for group, item in plan.to_take]
    _keep(corp_id, [*plan.to_map, *taken], now)
    retired = sum(1 for row in plan.gone if not _is_made_again(row))
    return len(plan.to_rename_here) + len(plan.to_map) + len(taken) + retired


def _tag_like(group: CorpTagGroup, item: CorpTagItem) -> Tag:
    """A tag made in WeCom; a group nobody here knows is WeCom's to fill."""
    return tagging.take_over_tag(group=group.name, name=item.name, winner=Winner.WECOM)


def _keep(corp_id: str, pairs: Iterable[tuple[Tag, CorpTagItem]], now: datetime) -> None:
    CorpTag.objects.bulk_create(
        [
            CorpTag(
                corp_id=corp_id,
                wecom_id=item.id,
                tag=tag,
                name_there=item.name,
                seen_at=now,
            )
            for tag, item in pairs
        ],
        ignore_conflicts=True,
    )


# WeCom takes a deleted tag off every customer
_TAKE_OFF = """
UPDATE wecom_sync_followtags SET there = array_remove(there, %(tag)s),
    due_at = CASE WHEN %(again)s THEN %(now)s ELSE due_at END
WHERE corp_id = %(corp)s AND there @> ARRAY[%(tag)s]
"""


def _forget(corp_id: str, rows: Sequence[CorpTag], now: datetime) -> None:
    """Tags deleted in WeCom: what counts there is retired here, what counts here is made again."""
    with connection.cursor() as cursor:
        for row in rows:
            again = _is_made_again(row)
            cursor.execute(
                _TAKE_OFF, {"corp": corp_id, "tag": row.tag_id, "again": again, "now": now}
            )
    theirs = [row.tag_id for row in rows if row.tag.group.wecom == Winner.WECOM]
    tagging.retire_tags(tag_ids=theirs, at=now)
    CorpTag.objects.filter(pk__in=[row.pk for row in rows]).delete()


# --- in WeCom ------------------------------------------------------------------------------------


def _make(walk: Walk, plan: _Plan) -> None:
    for name, tags in plan.to_make.items():
        made = walk.client.add_corp_tags(group_name=name, names=[tag.name for tag in tags])
        by_name = {item.name: item for item in made.tags}
        pairs = [(tag, by_name[tag.name]) for tag in tags if tag.name in by_name]
        with walk.chunk():
            _keep(walk.corp.corp_id, pairs, walk.now)
            walk.count(healed=len(pairs))


def _rename_there(walk: Walk, rows: Sequence[CorpTag]) -> None:
    for row in rows:
        try:
            walk.client.edit_corp_tag(ident=row.wecom_id, name=row.tag.name)
        except Refused as error:
            if error.errcode != NOT_OUR_TAG:
                raise
            CorpTag.objects.filter(pk=row.pk).update(is_ours=False)
            continue
        with walk.chunk():
            CorpTag.objects.filter(pk=row.pk).update(name_there=row.tag.name)
            walk.count(healed=1)
