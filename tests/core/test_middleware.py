import pytest
from django.contrib.auth import get_user_model
from django.http import HttpResponse
from django.test import RequestFactory

from apps.core.middleware import AudienceSessionMiddleware, ContentPolicyMiddleware


def _policy(path):
    answer = ContentPolicyMiddleware(lambda _request: HttpResponse())(RequestFactory().get(path))
    header = answer.headers["Content-Security-Policy"]
    return {part.split()[0]: part.split()[1:] for part in header.split(";") if part.strip()}


def test_guide_pages_allow_no_inline_code():
    policy = _policy("/g/")

    assert policy["script-src"] == ["'self'", "http://127.0.0.1:9"]
    assert policy["style-src"] == ["'self'"]
    assert policy["frame-ancestors"] == ["'self'"]


def test_only_the_admin_is_loosened():
    assert "'unsafe-eval'" in _policy("/admin/")["script-src"]
    assert "'unsafe-inline'" not in _policy("/admin/")["script-src"]
    assert "'unsafe-eval'" not in _policy("/administration/")["script-src"]


def test_the_demo_lets_the_simulator_frame_its_pages(settings):
    settings.FRAME_ANCESTORS = ["http://127.0.0.1:8010"]

    assert _policy("/g/")["frame-ancestors"] == ["'self'", "http://127.0.0.1:8010"]


def _visit(path, cookies, name=None):
    """One request through the session middleware; a name given is written into the session."""
    seen = {}

    def view(request):
        seen["name"] = request.session.get("name")
        if name:
            request.session["name"] = name
        return HttpResponse()

    request = RequestFactory().get(path)
    request.COOKIES.update(cookies)
    answer = AudienceSessionMiddleware(view)(request)
    cookies.update({key: morsel.value for key, morsel in answer.cookies.items()})
    return seen["name"]


@pytest.mark.django_db
def test_a_guide_and_head_office_in_one_browser_keep_their_sessions():
    cookies = {}
    _visit("/admin/", cookies, name="head office")
    _visit("/g/", cookies, name="guide")

    assert set(cookies) == {"scrm_session", "scrm_guide"}
    assert _visit("/admin/", cookies) == "head office"
    assert _visit("/g/tasks/", cookies) == "guide"
    assert _visit("/l/abc/", cookies) is None


@pytest.mark.django_db
def test_the_test_client_signs_in_for_every_audience(client):
    user = get_user_model().objects.create_user(username="who", password=None)
    client.force_login(user)

    assert client.cookies["scrm_guide"].value == client.cookies["scrm_session"].value
