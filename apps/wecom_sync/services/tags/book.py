"""Which corp tag stands for which of ours, and whose word counts."""

from collections.abc import Iterable
from dataclasses import dataclass

from apps.tagging.models import MemberTags, Winner
from apps.wecom_sync.models import CorpTag


@dataclass(frozen=True, slots=True)
class TagBook:
    """A corp's tags that are mirrored: those of groups that are in WeCom, without retired ones."""

    tag_of: dict[str, int]
    wecom_id_of: dict[int, str]
    winner_of: dict[int, str]

    def here(self, wecom_ids: Iterable[str]) -> set[int]:
        """Our tags behind WeCom's; tags that are not mirrored are left out."""
        return {self.tag_of[one] for one in wecom_ids if one in self.tag_of}

    @property
    def sent(self) -> set[int]:
        """Tags that go to WeCom."""
        return {tag for tag, winner in self.winner_of.items() if winner != Winner.WECOM}


def tag_book(corp_id: str) -> TagBook:
    rows = list(
        CorpTag.objects.filter(corp_id=corp_id, tag__retired_at=None)
        .exclude(tag__group__wecom=Winner.OFF)
        .values_list("wecom_id", "tag_id", "tag__group__wecom")
    )
    return TagBook(
        tag_of={wecom_id: tag for wecom_id, tag, _winner in rows},
        wecom_id_of={tag: wecom_id for wecom_id, tag, _winner in rows},
        winner_of={tag: winner for _wecom_id, tag, winner in rows},
    )


def carried(member_ids: Iterable[int]) -> dict[int, set[int]]:
    """Tags members carry here."""
    rows = MemberTags.objects.filter(member_id__in=set(member_ids))
    return {member_id: set(tags) for member_id, tags in rows.values_list("member_id", "tags")}
