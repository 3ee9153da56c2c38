"""Departments: their names and places as WeCom shows them. One list, one chunk."""

from apps.wecom_sync.services.departments import hold_tree_against_ours, keep_tree
from apps.wecom_sync.services.reconciler.walk import Walk


def compare(walk: Walk) -> None:
    shown = walk.client.list_departments()
    corp_id = walk.corp.corp_id
    with walk.chunk():
        walk.count(seen=len(shown))
        if not shown:  # lost rights look like an empty company
            return
        news = hold_tree_against_ours(corp_id=corp_id, shown=shown)
        walk.count(
            missing_here=len(news.new), differing=len(news.changed), missing_there=len(news.gone)
        )
        for new in news.new:
            walk.example("department_new", name=new.name, number=new.id)
        for row, one in news.changed:
            walk.example("department_changed", name=row.name, number=row.number, to=one.name)
        for row in news.gone:
            walk.example("department_gone", name=row.name, number=row.number)
        if not walk.dry:
            walk.count(healed=keep_tree(corp_id=corp_id, news=news, now=walk.now))
