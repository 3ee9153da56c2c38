import pytest


@pytest.mark.django_db
def test_the_process_answers_and_is_ready(client):
    assert client.get("/healthz").json() == {"ok": True}
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()) == (200, {"ok": True, "reasons": {}})
