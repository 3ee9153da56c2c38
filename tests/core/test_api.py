import json

import pytest
from rest_framework import serializers
from rest_framework.exceptions import NotFound
from rest_framework.test import APIRequestFactory

from apps.core.api import ApiView
from apps.core.errors import DomainError


class Closed(DomainError):
    code = "closed"
    message = "Ended on %(day)s."


class Sent(serializers.Serializer):
    name = serializers.CharField()


class Door(ApiView):
    authentication_classes = ()
    permission_classes = ()

    def post(self, request):
        match request.data.get("case"):
            case "closed":
                raise Closed(day="3 May")
            case "lost":
                raise NotFound
        Sent(data=request.data).is_valid(raise_exception=True)


def _error(**body):
    answer = Door.as_view()(APIRequestFactory().post("/", body, format="json"))
    return answer.status_code, json.loads(answer.render().content)["error"]


def test_a_rules_refusal_carries_its_code_and_sentence():
    assert _error(case="closed") == (
        400,
        {"code": "closed", "message": "Ended on 3 May.", "detail": None},
    )


def test_a_bad_body_names_its_fields():
    status, error = _error(case="form")

    assert (status, error["code"]) == (400, "invalid")
    assert list(error["detail"]) == ["name"]


def test_what_is_not_there_has_the_same_shape():
    status, error = _error(case="lost")

    assert (status, error["code"]) == (404, "not_found")


def test_a_default_sentence_can_be_replaced():
    assert str(Closed("Too late, %(name)s.", name="Ann")) == "Too late, Ann."
    with pytest.raises(DomainError, match="Too late"):
        raise Closed("Too late.")
