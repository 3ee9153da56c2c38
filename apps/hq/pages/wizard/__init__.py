"""任务下发向导: six steps over a draft that lies in the database from the first step on.

One module a step; `frame` is what they share, `views` the addresses.
"""

from apps.hq.pages.wizard.frame import place_words, segment_name
from apps.hq.pages.wizard.views import push_delete, push_new, push_next, push_step

__all__ = [
    "place_words",
    "push_delete",
    "push_new",
    "push_next",
    "push_step",
    "segment_name",
]
