"""Reads about tags."""

from collections.abc import Iterable, Sequence

from django.db import connection

from apps.tagging.models import MemberTags, Tag

# people share a claim; everybody else's is their own
CLAIM = "CASE WHEN {0}.claim = 'person' THEN '' ELSE {0}.source END"
# the last word of each claim on these tags of these members; an expiry ends it by its own
STANDING = f"""
SELECT DISTINCT ON (change.member_id, change.tag_id, change.claim, {CLAIM.format("change")})
    change.member_id, change.tag_id, change.claim, {CLAIM.format("change")} AS claim_source,
    change.added, change.expires_at
FROM tagging_tagchange AS change
WHERE change.member_id = ANY(%(members)s) AND change.tag_id = ANY(%(tags)s)
ORDER BY change.member_id, change.tag_id, change.claim, {CLAIM.format("change")}, change.id DESC
"""


def tags_of(member_ids: Iterable[int]) -> dict[int, list[Tag]]:
    """Tags each survivor carries now, in two queries; who carries none is left out."""
    rows = list(
        MemberTags.objects.filter(member_id__in=list(member_ids)).values_list("member_id", "tags")
    )
    wanted = {tag_id for _member_id, tags in rows for tag_id in tags}
    tags = {tag.pk: tag for tag in Tag.objects.filter(pk__in=wanted).select_related("group")}
    order = {pk: (tag.group.position, tag.group.name, tag.name) for pk, tag in tags.items()}
    return {
        member_id: [tags[pk] for pk in sorted(set(carried) & set(tags), key=order.__getitem__)]
        for member_id, carried in rows
        if carried
    }


def tags_claimed(*, member_ids: Sequence[int], tag_ids: Sequence[int]) -> dict[int, list[int]]:
    """What the log says: claimed tags by member, to hold against the rows."""
    with connection.cursor() as cursor:
        cursor.execute(STANDING, {"members": list(member_ids), "tags": list(tag_ids)})
        rows = cursor.fetchall()
    found: dict[int, set[int]] = {}
    for member_id, tag_id, _claim, _source, added, _expires_at in rows:
        if added:
            found.setdefault(member_id, set()).add(tag_id)
    return {member_id: sorted(tags) for member_id, tags in found.items()}
