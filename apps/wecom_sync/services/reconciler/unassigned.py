"""Leavers' customers: WeCom's own list of whom nobody has taken over, beside our handovers.

Nothing is healed here. Who counts as handed over and is nobody's in WeCom, a person looks at; whose
friendship is not known here, the comparison of friendships brings.
"""

from apps.handovers.services import hold_against_ours, keep_unassigned
from apps.wecom_sync.services.reconciler.walk import Walk


def compare(walk: Walk) -> None:
    """One list, one chunk: a half of it would say that the other half is handled."""
    listed = list(walk.client.unassigned())
    corp_id = walk.corp.corp_id
    with walk.chunk():
        held = hold_against_ours(corp_id=corp_id, listed=listed, now=walk.now)
        walk.count(
            seen=len(listed),
            missing_here=sum(row.unknown_here for row in held.rows),
            differing=len(held.done_here),
        )
        for row in held.rows:
            who = {"userid": row.userid, "name": row.guide.name if row.guide else row.userid}
            if row.done_here:
                walk.example("unassigned_done", **who, number=row.done_here)
            if row.unknown_here:
                walk.example("unassigned_unknown", **who, number=row.unknown_here)
        if not walk.dry:
            keep_unassigned(corp_id=corp_id, held=held, now=walk.now)
