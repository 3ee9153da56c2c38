"""The words of a push as the guides of a store say them."""

from dataclasses import dataclass

from apps.guide_tasks.models import TaskPush
from apps.outreach.models import ScriptVariant


@dataclass(frozen=True, slots=True)
class Words:
    """What is said to one customer and to everybody; `of_store` = not head office's wording."""

    body: str
    generic_body: str
    of_store: bool = False


def words_of(*, push: TaskPush, store_id: int) -> Words:
    """Each text of the push, or what the store says in its place; one query, none without a script.

    A text that head office wrote for this very push is nobody's to replace.
    """
    own = Words(push.body, push.generic_body)
    if push.template_id is None:
        return own
    variant = ScriptVariant.objects.in_use().at(push.template_id, store_id).first()
    if variant is None:
        return own
    body = variant.body if push.body == variant.base_body else push.body
    generic = push.generic_body
    if generic == variant.base_generic_body and generic:
        generic = variant.generic_body
    return Words(body, generic, of_store=(body, generic) != (push.body, push.generic_body))
