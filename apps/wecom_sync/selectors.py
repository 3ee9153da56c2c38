"""Reads about the mirror: how each kind stands, what drifted of late, what a dry run found."""

from collections.abc import Sequence
from dataclasses import dataclass

from apps.wecom_sync.models import SyncRun

TREND_RUNS = 14
_LOOKED_AT = 400


@dataclass(frozen=True, slots=True)
class KindState:
    """One kind of one corp: its last run, the last dry run, and the drift of the runs before."""

    kind: str
    corp_id: str
    last: SyncRun | None
    rehearsal: SyncRun | None
    drift: tuple[int, ...]


def kind_states(*, kinds: Sequence[str], corp_ids: Sequence[str]) -> list[KindState]:
    """How every kind of every corp stands, in one query, by corp and kind."""
    runs: dict[tuple[str, str, bool], list[SyncRun]] = {}
    for run in SyncRun.objects.filter(corp_id__in=corp_ids).order_by("-pk")[:_LOOKED_AT]:
        runs.setdefault((run.corp_id, run.kind, run.dry), []).append(run)
    states = []
    for corp_id in corp_ids:
        for kind in kinds:
            real = runs.get((corp_id, kind, False), [])
            rehearsed = runs.get((corp_id, kind, True), [])
            whole = [run.drift for run in real if run.state == SyncRun.State.DONE]
            states.append(
                KindState(
                    kind=kind,
                    corp_id=corp_id,
                    last=real[0] if real else None,
                    rehearsal=rehearsed[0] if rehearsed else None,
                    drift=tuple(reversed(whole[:TREND_RUNS])),
                )
            )
    return states
