"""任务下发向导: six steps over a draft that lies in the database from the first step on.

One module a step; `frame` is what they share, `views` the addresses.
"""

from apps.hq.pages.wizard.frame import segment_name
from apps.hq.pages.wizard.views import push_delete, push_new, push_next, push_step

__all__ = [
    "push_delete",
    "push_new",
    "push_next",
    "push_step",
    "segment_name",
]
