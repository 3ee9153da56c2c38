"""External contacts: lists, details, remarks, tags of a customer."""

from ..errors import ApiError
from ..world import Row
from .base import Call, Needs, endpoint, make_cursor, number, read_cursor, text, texts

FOLLOWERS_A_PAGE = 500


def external_contact(customer: Row) -> Row:
    row = {
        "external_userid": customer["external_userid"],
        "name": customer["name"],
        "type": customer["type"],
        "avatar": customer["avatar"],
        "gender": customer["gender"],
    }
    if customer.get("unionid"):
        row["unionid"] = customer["unionid"]
    return row


def _follow_common(follow: Row) -> Row:
    names = (
        "userid", "remark", "description", "createtime", "remark_corp_name", "remark_mobiles",
        "add_way", "oper_userid", "state",
    )  # fmt: skip
    return {name: follow[name] for name in names}


@endpoint("externalcontact/get_follow_user_list", needs=Needs.CUSTOMERS)
def get_follow_user_list(call: Call) -> Row:
    visible = call.visible_users()
    users = call.world.users.values()
    return {"follow_user": [
        user["userid"] for user in users
        if user["userid"] in visible and user["status"] == 1 and user.get("can_follow", True)
    ]}  # fmt: skip


@endpoint("externalcontact/list", needs=Needs.CUSTOMERS)
def list_customers(call: Call) -> Row:
    """A member without customers answers 84061 with an empty list."""
    userid = call.query.get("userid", "")
    if not userid:
        raise ApiError(40063)
    friends = call.world.contacts_of(call.user(userid)["userid"])
    mine = [ident for ident, follow in friends.items() if not follow.get("half")]
    if not mine:
        raise ApiError(84061, external_userid=[])
    return {"external_userid": mine}


@endpoint("externalcontact/get", needs=Needs.CUSTOMERS)
def get_customer(call: Call) -> Row:
    """One customer with the members who have them; who was deleted by the customer still shows."""
    external_userid = call.query.get("external_userid", "")
    if not external_userid:
        raise ApiError(41035)
    customer = call.world.customers.get(external_userid)
    if customer is None:
        raise ApiError(40096)
    visible = call.visible_users()
    follows = [
        follow
        for userid, follow in call.world.follows.get(external_userid, {}).items()
        if userid in visible and not follow.get("half")
    ]
    if not follows:
        raise ApiError(84061)
    start = read_cursor(call.query.get("cursor"), now=call.now, scope=external_userid)
    part = follows[start : start + FOLLOWERS_A_PAGE]
    answer = {
        "external_contact": external_contact(customer),
        "follow_user": [{**_follow_common(f), "tags": _tags(call, f)} for f in part],
    }
    if start + FOLLOWERS_A_PAGE < len(follows):
        after = start + FOLLOWERS_A_PAGE
        answer["next_cursor"] = make_cursor(after, now=call.now, scope=external_userid)
    return answer


def _tags(call: Call, follow: Row) -> list[Row]:
    wanted = set(follow["tag_ids"])
    return [
        {"group_name": group["group_name"], "tag_name": tag["name"], "tag_id": tag["id"], "type": 1}
        for group in call.world.tag_groups.values()
        for tag in group["tag"]
        if tag["id"] in wanted
    ]


@endpoint("externalcontact/batch/get_by_user", needs=Needs.CUSTOMERS)
def batch_get_by_user(call: Call) -> Row:
    """Customers of up to 100 members, by member and then by friendship."""
    userids = texts(call.body, "userid_list", most=100)
    if not userids:
        raise ApiError(40063)
    world = call.world
    names = [world.user_names.get(item.lower()) for item in userids]
    if any(name is None or name in world.left_users for name in names):
        raise ApiError(40031)  # one of them is nobody; who is only out of range answers 60111
    real = [call.user(userid)["userid"] for userid in userids]
    size = min(max(number(call.body, "limit", 50), 1), 100)
    scope = f"by_user:{','.join(real)}"
    position = read_cursor(call.body.get("cursor"), now=call.now, scope=scope)
    # The position holds member and last friendship, so rows that vanish meanwhile shift nothing.
    index, last = divmod(position, 10**12)
    found: list[Row] = []
    next_cursor = ""
    for place in range(index, len(real)):
        after = last if place == index else 0
        follows = call.world.contacts_of(real[place])
        fresh = [
            (ext, row) for ext, row in follows.items() if row["n"] > after and not row.get("half")
        ]
        room = size - len(found)
        found.extend(_contact_row(call, ext, row) for ext, row in fresh[:room])
        if len(fresh) > room:
            end = fresh[room - 1][1]["n"] if room else after
            next_cursor = make_cursor(place * 10**12 + end, now=call.now, scope=scope)
            break
    return {"external_contact_list": found, "next_cursor": next_cursor}


def _contact_row(call: Call, external_userid: str, follow: Row) -> Row:
    return {
        "external_contact": external_contact(call.world.customers[external_userid]),
        "follow_info": {**_follow_common(follow), "tag_id": list(follow["tag_ids"])},
    }


REMARK_FIELDS = {"remark": 20, "description": 150, "remark_company": 20}


@endpoint("externalcontact/remark", needs=Needs.CUSTOMERS, writes=True)
def remark(call: Call) -> Row:
    userid = text(call.body, "userid")
    external_userid = text(call.body, "external_userid", empty=41035)
    follow = call.follow(userid, external_userid)
    fields: Row = {}
    for name, most in REMARK_FIELDS.items():
        if name in call.body:
            value = call.body[name]
            if not isinstance(value, str) or len(value) > most:
                raise ApiError(40058)
            fields["remark_corp_name" if name == "remark_company" else name] = value
    if "remark_mobiles" in call.body:
        mobiles = texts(call.body, "remark_mobiles", most=20)
        fields["remark_mobiles"] = [mobile for mobile in mobiles if mobile]
    if not fields and "remark_pic_mediaid" not in call.body:
        raise ApiError(40063)
    call.host.commit(
        "follow_edited", userid=follow["userid"], external_userid=external_userid, fields=fields
    )
    call.effect = {"remark": external_userid, "fields": sorted(fields)}
    return {}


@endpoint("externalcontact/mark_tag", needs=Needs.CUSTOMERS, writes=True)
def mark_tag(call: Call) -> Row:
    userid = text(call.body, "userid")
    external_userid = text(call.body, "external_userid", empty=41035)
    add = texts(call.body, "add_tag", most=1000)
    remove = texts(call.body, "remove_tag", most=1000)
    if not add and not remove:
        raise ApiError(40063)
    follow = call.follow(userid, external_userid)
    known = {tag["id"] for group in call.world.tag_groups.values() for tag in group["tag"]}
    if set(add + remove) - known:
        raise ApiError(40068)
    kept = [tag for tag in follow["tag_ids"] if tag not in remove]
    tag_ids = list(dict.fromkeys([*kept, *add]))
    call.host.commit(
        "follow_edited",
        userid=follow["userid"],
        external_userid=external_userid,
        fields={"tag_ids": tag_ids},
    )
    call.effect = {"tagged": external_userid, "added": add, "removed": remove}
    return {}
