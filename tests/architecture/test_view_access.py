"""Every address is asked by every role for its own row and for a foreign one, and answers as
`access_table.py` says."""

import re
from urllib.parse import urlsplit

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.admin.sites import all_sites
from django.db import transaction
from django.test import Client
from django.urls import URLPattern, get_resolver, reverse

from apps.accounts.capabilities import Role
from apps.accounts.services import create_api_key
from tests.architecture.access_table import ACTIONS, ADMIN, PAGES, PER_MODEL
from tests.factories.facts import make_phone, make_product
from tests.factories.world import make_world, numbers_of

COLUMNS = (
    None,
    Role.HQ_ADMIN,
    Role.HQ_OPERATOR,
    Role.REGION_MANAGER,
    Role.STORE_MANAGER,
    Role.GUIDE,
    Role.AUDITOR,
)
ADMIN_COLUMNS = (Role.HQ_ADMIN, Role.HQ_OPERATOR, Role.REGION_MANAGER, Role.AUDITOR)
OWN, COLLEAGUE, FOREIGN = range(3)
CATCH_ALL = "admin:*catch-all"
SIGN_IN = ("/admin/login/", "/g/sign-in/")

pytestmark = pytest.mark.slow


def _lines(text):
    for line in text.splitlines():
        if line.strip() and not line.startswith("#"):
            yield line.split()


PAGE_ROWS = [(name, verb, cells) for name, verb, *cells in _lines(PAGES)]
ADMIN_ROWS = {
    label: dict(zip(ADMIN_COLUMNS, cells, strict=True)) for label, *cells in _lines(ADMIN)
}
ids = {"ids": lambda role: str(role or "nobody")}


# --- the table is whole --------------------------------------------------------------------------


def _patterns(resolver, names=()):
    for pattern in resolver.url_patterns:
        if isinstance(pattern, URLPattern):
            yield ":".join([*names, pattern.name or ""]), pattern
        else:
            yield from _patterns(pattern, (*names, *filter(None, [pattern.namespace])))


def _admin_names():
    """Names of the usual addresses of each registered list."""
    for model in admin.site._registry:
        prefix = f"admin:{model._meta.app_label}_{model._meta.model_name}_"
        yield from (prefix + verb for verb in PER_MODEL)


def test_every_address_has_its_row():
    written = {name for name, _verb, _cells in PAGE_ROWS} | set(_admin_names())
    found = {name for name, _pattern in _patterns(get_resolver())}

    nameless = {"admin:"}  # the old address of a form, and the catch-all
    assert found - written - nameless == set()
    assert {name for name, _v, _c in PAGE_ROWS} - found == {CATCH_ALL}


def test_every_list_of_the_admin_has_its_row():
    assert set(ADMIN_ROWS) == {model._meta.label for model in admin.site._registry}
    assert len(list(all_sites)) == 1
    assert all(len(cells) == len(COLUMNS) for _name, _verb, cells in PAGE_ROWS)


def test_every_view_says_what_it_asks_for():
    """A capability or openly public; the admin site's own views ask its `has_permission`."""
    silent = [
        name
        for name, pattern in _patterns(get_resolver())
        if not name.startswith("admin:")
        and not getattr(pattern.callback, "capability", None)
        and not getattr(pattern.callback, "is_public", False)
    ]

    assert silent == []


def _judge(wrong):
    if wrong:
        pytest.fail("\n".join(wrong), pytrace=False)


# --- asking --------------------------------------------------------------------------------------


def _client(world, role):
    client = Client(raise_request_exception=False)
    if role is not None:
        client.force_login(world.users[role])
    return client


def _ask(client, verb, path, data=None):
    """One request whose effects are taken back."""
    with transaction.atomic():
        response = client.get(path, data) if verb == "GET" else client.post(path, data or {})
        getattr(response, "streaming_content", None)
        transaction.set_rollback(True)
    return response


def _seen(verb, response, expected=""):
    """The answer as the table's word."""
    to = urlsplit(response.get("Location", "") or response.get("HX-Redirect", "")).path
    if to.startswith(SIGN_IN):
        return "in"
    if to == reverse("admin:index"):
        return "out"
    if str(response.status_code) == expected:
        return expected
    welcome = (200, 204, 301, 302, 303) if verb == "GET" else (200, 204, 302, 303, 400, 409, 422)
    return "ok" if response.status_code in welcome else str(response.status_code)


def _cell(cell, scope):
    own, *others = cell.split("/")
    return [own, (others or [own])[0] if len(others) > 1 else own, (others or [own])[-1]][scope]


def _kwargs_of(name):
    if name == CATCH_ALL:
        return []
    pattern = next(pattern for found, pattern in _patterns(get_resolver()) if found == name)
    return list(pattern.pattern.converters) or list(pattern.pattern.regex.groupindex)


# what a path argument is called where its name alone does not say
MEANING = {
    ("wecom:callback", "slug"): "contacts",
    ("guide_portal:customer_list", "code"): "due",
    ("member_portal:look", "code"): "look_code",
    ("admin:app_list", "app_label"): "stores",
    ("admin:view_on_site", "content_type_id"): "1",
    ("admin:view_on_site", "object_id"): "1",
    ("admin:auth_user_password_change", "id"): "other_user",
    ("guide_portal:enrol_draft", "draft_id"): "enrol_draft_id",
    ("hq:next_people", "reach"): "free",
    ("hq:loop_people", "code"): "issued",
    ("hq:segment_who", "reach"): "all",
    ("hq:segment", "pk"): "segment_id",
    ("guide_portal:handover_of", "guide_id"): "gone_id",
    ("guide_portal:hand_over", "guide_id"): "gone_id",
    ("guide_portal:plan_handover", "guide_id"): "gone_id",
    ("hq:push", "pk"): "push_id",
    ("hq:handover", "pk"): "run_id",
    ("hq:news_reads", "pk"): "news_id",
    ("hq:news_unread", "pk"): "news_id",
    ("hq:news_export", "pk"): "news_id",
    ("hq:news_remind", "pk"): "news_id",
    ("hq:handover_act", "pk"): "run_id",
    ("hq:handover_decide", "pk"): "run_id",
    ("hq:handover_export", "pk"): "run_id",
    ("hq:change_risk_rule", "signal"): "deletes",
    ("hq:risk", "pk"): "risk_id",
    ("hq:case", "pk"): "case_id",
    ("hq:case_photo", "pk"): "case_photo_id",
    ("hq:settle_case", "pk"): "case_id",
    ("hq:answer_commission", "pk"): "question_id",
    ("hq:decide_risk", "pk"): "risk_id",
    ("hq:decide_store_move", "pk"): "move_id",
    ("hq:decide_group_send", "pk"): "group_send_id",
    ("hq:decide_moment", "pk"): "moment_id",
    ("hq:decide_proposal", "pk"): "proposal_id",
    ("hq:withdraw_variant", "pk"): "variant_id",
    ("hq:attachment_picture", "pk"): "attachment_id",
    ("outreach:cover", "name"): "cover_name",
    ("outreach:cover", "extension"): "png",
    ("hq:kept_picture", "sealed"): "sealed_picture",
    ("guide_portal:picture", "sealed"): "sealed_picture",
    ("guide_portal:undo_act", "client_id"): "01980000-0000-7000-8000-000000000000",
    ("guide_portal:close_visit_item", "item_id"): "visit_item_id",
    ("hq:code_new", "kind"): "store",
    ("hq:code", "pk"): "code_id",
    ("hq:code_stop", "pk"): "code_id",
    ("hq:code_again", "pk"): "code_id",
    ("hq:code_poster", "pk"): "code_id",
    ("hq:code_qr", "pk"): "code_id",
    ("hq:code_qr", "kind"): "svg",
    ("contact_codes:scan", "slug"): "code_slug",
    ("hq:rollout_region", "pk"): "region_id",
    ("hq:rollout_switch", "pk"): "region_id",
    ("hq:item_push_new", "kind"): "display",
    ("hq:item_withdraw", "pk"): "push_id",
    ("hq:item_remind", "pk"): "push_id",
    ("hq:item_photo", "pk"): "item_id",
    ("hq:item_decide", "pk"): "item_id",
    ("hq:push_people", "pk"): "push_id",
    ("hq:push_people", "place"): "issued",
    ("hq:push_chase", "pk"): "push_id",
    ("hq:push_recall", "pk"): "push_id",
    ("hq:push_extend", "pk"): "push_id",
    ("hq:push_withdraw", "pk"): "push_id",
    ("hq:push_repeat", "pk"): "push_id",
    ("hq:series", "pk"): "series_id",
    ("hq:series_change", "pk"): "series_id",
    ("hq:series_act", "pk"): "series_id",
    ("hq:push_step", "pk"): "draft_id",
    ("hq:push_step", "step"): "1",
    ("hq:push_delete", "pk"): "draft_id",
    ("hq:push_forecast", "pk"): "draft_id",
    ("hq:push_forecast", "place"): "issued",
    ("hq:wecom_wake", "job"): "reconcile",
    ("hq:compare_now", "kind"): "contacts",
    ("hq:connection", "pk"): "corp_app_id",
    ("hq:connection_check", "pk"): "corp_app_id",
    ("hq:connection_keys", "pk"): "endpoint_id",
    ("hq:decide_send", "pk"): "dispatch_id",
    ("hq:group", "pk"): "group_id",
    ("hq:group_code_act", "pk"): "group_code_id",
    ("hq:group_welcome_act", "pk"): "group_welcome_id",
    ("hq:decide_access", "pk"): "request_id",
    ("hq:decide_claim", "pk"): "claim_id",
    ("hq:decide_concession", "pk"): "concession_id",
    ("hq:settle_look_ups", "pk"): "1",
    ("hq:run_job", "pk"): "job_id",
}


def _address(name, world, numbers, scope):
    if name == CATCH_ALL:
        return "/admin/nothing/here/"
    kwargs = {}
    for argument in _kwargs_of(name):
        value = MEANING.get((name, argument), argument)
        if value == "other_user":
            value = world.users[Role.HQ_OPERATOR].pk
        kwargs[argument] = numbers[value][scope] if value in numbers else value
    return reverse(name, kwargs=kwargs)


# a body that is right in form, so that a wrong row is the only reason left to refuse it
BODIES = {
    "hq:plan_handover": lambda numbers, scope: {
        "store": numbers["store_id"][scope],
        "guide": numbers["gone_id"][scope],
    },
    "hq:decide_store_move": lambda numbers, scope: {"act": "keep"},
    "hq:series_act": lambda numbers, scope: {"act": "noted"},
    "hq:handover_act": lambda numbers, scope: {"act": "drop"},
    "guide_portal:chase": lambda numbers, scope: {"task": numbers["task_id"][scope]},
    "guide_portal:chase_items": lambda numbers, scope: {"item": numbers["item_id"][scope]},
}


@pytest.mark.django_db
@pytest.mark.parametrize("role", COLUMNS, **ids)
def test_every_page_answers_as_the_table_says(role, fixed_clock, simulator):
    world = make_world(fixed_clock)
    numbers = numbers_of(world, role)
    column = COLUMNS.index(role)

    wrong, asked = [], set()
    for name, verb, cells in PAGE_ROWS:
        for scope in (OWN, COLLEAGUE, FOREIGN):
            expected = _cell(cells[column], scope)
            if expected == "-":
                continue
            path = _address(name, world, numbers, scope)
            body = BODIES.get(name, lambda *_: None)(numbers, scope)
            if (verb, path, str(body), expected) in asked:
                continue  # an address without a row is the same for every scope
            asked.add((verb, path, str(body), expected))
            seen = _seen(verb, _ask(_client(world, role), verb, path, body), expected)
            if seen != expected:
                place = ("own", "colleague's", "foreign")[scope]
                wrong.append(f"{verb} {name} ({place}): {seen}, not {expected}")

    _judge(wrong)


# --- lists and forms of the admin -----------------------------------------------------------------


def _admin_path(label, verb, row=None):
    model = apps.get_model(label)
    name = f"admin:{model._meta.app_label}_{model._meta.model_name}_{verb}"
    return reverse(name, args=[row.pk] if row is not None else [])


# verb, address, letter of ADMIN, needs a row
ASKED = [
    ("GET", "changelist", "v", False),
    ("POST", "changelist", "v", False),
    ("GET", "add", "a", False),
    ("POST", "add", "a", False),
    ("GET", "change", "v", True),
    ("POST", "change", "c", True),
    ("GET", "history", "v", True),
    ("GET", "delete", "d", True),
    ("POST", "delete", "d", True),
    ("GET", "export", "x", False),
    ("POST", "export", "x", False),
    ("GET", "import", "i", False),
    ("POST", "import", "i", False),
    ("POST", "process_import", "i", False),
]
# which of the two questions, role or row, is asked first is Django's affair
REFUSED = {"out", "403"}
LIST_OF_OUR_OWN = {"django_celery_beat.PeriodicTask"}
PORTING = {"export", "import", "process_import"}


def _offered(label, address):
    letters = "".join(ADMIN_ROWS[label].values())
    if address not in PORTING:
        return True
    return ("x" if address == "export" else "i") in letters


def _expected(rights, letter, *, foreign):
    if "v" not in rights and letter == "v":
        return "403"
    if foreign and rights.endswith("*"):
        return "out"  # for what the role may not do at all 403 will do, too
    return "ok" if letter in rights else "403"


@pytest.mark.django_db
@pytest.mark.parametrize("role", COLUMNS, **ids)
def test_every_admin_page_answers_as_the_table_says(role, fixed_clock):
    world = make_world(fixed_clock)
    client = _client(world, role)

    wrong = []
    for label, rights_of in ADMIN_ROWS.items():
        rights = rights_of.get(role, "")
        own, foreign = world.rows[label]
        for verb, address, letter, needs_row in ASKED:
            if not _offered(label, address):
                continue
            for row in filter(None, (own, foreign) if needs_row else (own,)):
                path = _admin_path(label, address, row if needs_row else None)
                body = {"post": "yes"} if address == "delete" and verb == "POST" else None
                seen = _seen(verb, _ask(client, verb, path, body))
                expected = "in"
                if role in ADMIN_COLUMNS:
                    expected = _expected(rights, letter, foreign=needs_row and row is foreign)
                if seen != expected and not (row is foreign and {seen, expected} == REFUSED):
                    place = "foreign " if row is foreign else ""
                    wrong.append(f"{verb} {place}{label} {address}: {seen}, not {expected}")

    _judge(wrong)


@pytest.mark.django_db
@pytest.mark.parametrize("role", ADMIN_COLUMNS, **ids)
def test_a_list_shows_the_rows_of_the_scope_and_the_actions_of_the_role(role, fixed_clock):
    world = make_world(fixed_clock)
    client = _client(world, role)

    wrong = []
    for label, rights_of in ADMIN_ROWS.items():
        rights = rights_of[role]
        if "v" not in rights or label in LIST_OF_OUR_OWN:
            continue
        response = client.get(_admin_path(label, "changelist"))
        shown = set(response.context["cl"].queryset.values_list("pk", flat=True))
        own, foreign = world.rows[label]
        hidden = foreign is not None and rights.endswith("*")
        if own.pk not in shown:
            wrong.append(f"{label}: own row is missing")
        if foreign is not None and (foreign.pk in shown) is hidden:
            wrong.append(f"{label}: foreign row {'shown' if hidden else 'missing'}")
        expected = {name for name, letter in ACTIONS.get(label, {}).items() if letter in rights}
        form = response.context.get("action_form")
        offered = {value for value, _text in form.fields["action"].choices} if form else set()
        if offered - {"", "delete_selected"} != expected or (
            "delete_selected" in offered and "d" not in rights
        ):
            wrong.append(f"{label}: actions {offered}, not {expected}")

    _judge(wrong)


def _relations():
    """Every relation that Django's autocomplete would answer for, asked for by a page or not."""
    for model in apps.get_models():
        for field in model._meta.get_fields():
            if field.is_relation and not field.auto_created and field.related_model:
                target = admin.site._registry.get(field.related_model)
                if target is not None and target.search_fields:
                    yield model, field, field.related_model._meta.label


@pytest.mark.django_db
@pytest.mark.parametrize("role", COLUMNS, **ids)
def test_autocomplete_of_every_relation_keeps_to_role_and_scope(role, fixed_clock):
    world = make_world(fixed_clock)
    client = _client(world, role)

    wrong, asked = [], 0
    for model, field, label in _relations():
        rights = ADMIN_ROWS[label].get(role, "")
        query = {
            "app_label": model._meta.app_label,
            "model_name": model._meta.model_name,
            "field_name": field.name,
            "term": "",
        }
        response = client.get(reverse("admin:autocomplete"), query)
        expected = "in" if role not in ADMIN_COLUMNS else "ok" if "v" in rights else "403"
        seen = _seen("GET", response)
        asked += 1
        if seen != expected:
            wrong.append(f"{model._meta.label}.{field.name}: {seen}, not {expected}")
        _own, foreign = world.rows[label]
        if seen == "ok" and rights.endswith("*"):
            found = {row["id"] for row in response.json()["results"]}
            if str(foreign.pk) in found:
                wrong.append(f"{model._meta.label}.{field.name} shows a foreign row")

    assert asked > 5
    _judge(wrong)


@pytest.mark.django_db
def test_a_region_managers_pages_and_exports_never_name_the_other_region(fixed_clock):
    world = make_world(fixed_clock)
    client = _client(world, Role.REGION_MANAGER)
    west = world.west
    secrets = [west.store.name, west.store.code, west.team[0][0].name, str(west.silent.public_id)]

    pages = [
        _admin_path(label, "changelist")
        for label, rights in ADMIN_ROWS.items()
        if rights[Role.REGION_MANAGER].endswith("*")
    ]
    lists = ("home", "pushes", "overdue", "unserved", "reports", "system")
    pages += [reverse("admin:index" if name == "home" else f"hq:{name}") for name in lists]
    pages += [reverse("hq:loop_people", args=[code]) for code in ("issued", "purchased")]
    address = reverse("hq:push", args=[world.both.pk])
    pages += [f"{address}?by={by}" for by in ("region", "store", "guide")]
    pages += [reverse("hq:push_people", args=[world.both.pk, "issued"])]
    pages += [f"{reverse('admin:search')}?s={word}&extended=1" for word in secrets]
    leaks = [
        f"{path}: {word}"
        for path in pages
        for word in secrets
        if word in re.sub(r"\?s=[^\"'&]*", "", client.get(path).content.decode())
    ]

    assert leaks == []

    # head office reads the names there, so the search above could have found them
    hq = _client(world, Role.HQ_ADMIN)
    everything = "".join(hq.get(path).content.decode() for path in pages if "?s=" not in path)
    assert [word for word in secrets if word not in everything] == []


# --- the API --------------------------------------------------------------------------------------

API = ("ingest:members", "ingest:orders", "ingest:points", "ingest:cases", "ingest:stock")


def _post(name, key, item):
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    return Client(raise_request_exception=False).post(
        reverse(name), {"items": [item]}, content_type="application/json", headers=headers
    )


@pytest.mark.django_db
@pytest.mark.parametrize("name", API)
def test_the_api_lets_in_keys_with_the_scope_and_nobody_else(name, fixed_clock):
    world = make_world(fixed_clock)
    other = {"ingest:members": "api_write_orders"}.get(name, "api_write_members")
    wrong_scope = _key_with([other])

    assert _post(name, world.key, {}).status_code == 200
    assert _post(name, wrong_scope, {}).status_code == 403
    assert _post(name, "", {}).status_code == 401
    assert _post(name, world.key[:-1] + "x", {}).status_code == 401


@pytest.mark.django_db
def test_a_key_of_one_store_writes_nothing_of_another(fixed_clock):
    world = make_world(fixed_clock)
    sku = make_product().sku

    def member(side, phone):
        item = {"phone": phone, "home_store": side.store.code}
        return _post("ingest:members", world.key_of_one_store, item).json()["results"][0]

    def order(side):
        line = {"line_no": 1, "sku": sku, "quantity": "1", "net_fen": 100}
        item = {
            "source": "pos",
            "external_no": f"scope-{side.store.code}",
            "store_code": side.store.code,
            "paid_at": world.now.isoformat(),
            "net_fen": 100,
            "lines": [line],
        }
        return _post("ingest:orders", world.key_of_one_store, item).json()["results"][0]

    own, foreign = member(world.east, make_phone()), member(world.west, make_phone())
    assert (own["status"], foreign["error"]["code"]) == ("created", "foreign_store")
    own, foreign = order(world.east), order(world.west)
    assert (own["status"], foreign["error"]["code"]) == ("created", "foreign_store")


def _key_with(scopes):
    return create_api_key(name="other", scopes=scopes, created_by=None, chain_wide=True)[1]
