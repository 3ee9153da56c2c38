"""朋友圈 on the customer's phone: posts of friends, liked and commented on."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_POST

from .. import actions
from ..host import current
from ..oauth import as_person
from ..phones import attachment_view, base_context, clock, person, replies_of, then

SHOWN = 60


def wall(request: HttpRequest, external_userid: str) -> HttpResponse:
    """What friends published, newest first."""
    host = current()
    with host.lock:
        world, now = host.world, host.now()
        if external_userid not in world.customers:
            raise Http404("No such customer.")
        friends = world.follows.get(external_userid, {})
        posts = [
            {
                **person(world.users[userid]["name"], userid), "userid": userid, "at": at,
                "moment_id": moment["moment_id"], "text": moment["text"], "time": clock(at, now),
                "attachments": [
                    attachment_view(item, f"customer:{external_userid}")
                    for item in moment["attachments"]
                ],
                "replies": replies_of(world, moment["moment_id"], userid),
            }
            for moment in world.moments.values()
            if actions.shown_to(world, moment, external_userid)
            for userid, at in moment["tasks"].items()
            if at and userid in friends and not friends[userid]["deleted_by_customer_at"]
        ]  # fmt: skip
        posts.sort(key=lambda row: -row["at"])
        name = world.customers[external_userid]["name"]
        context = base_context(host, name, posts=posts[:SHOWN], external_userid=external_userid)
        context.update(title="朋友圈", back=f"/phone/customer/{external_userid}/")
    return as_person(render(request, "wall.html", context), f"customer:{external_userid}")


@require_POST
def answer(request: HttpRequest, external_userid: str) -> HttpResponse:
    names = ("moment_id", "userid", "kind", "text")
    data = {name: request.POST.get(name, "").strip() for name in names}
    data["external_userid"] = external_userid
    here = f"/phone/customer/{external_userid}/moments/"
    return then(request, actions.answer_moment, data, here)
