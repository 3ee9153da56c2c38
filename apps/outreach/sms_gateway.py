"""The built-in provider: a gateway that takes JSON. A chain puts its operator's adapter behind it;
in the demo the simulator answers there and shows the message on a phone."""

import requests
from django.conf import settings

from apps.outreach.sms import SmsError, SmsUnreachable

TIMEOUT = (3.05, 8)


class HttpGateway:
    """POST {phone, text, key} to SMS_GATEWAY_URL with a bearer token; 2xx answers {id}."""

    def send(self, *, phone: str, text: str, key: str) -> str:
        try:
            answer = requests.post(
                settings.SMS_GATEWAY_URL,
                json={"phone": phone, "text": text, "key": key},
                headers={"Authorization": f"Bearer {settings.SMS_GATEWAY_TOKEN}"},
                timeout=TIMEOUT,
                allow_redirects=False,
            )
        except requests.RequestException as error:
            # the exception's own text may quote the request
            raise SmsUnreachable from error
        if answer.status_code == 429 or answer.status_code >= 500:
            raise SmsUnreachable
        if not answer.ok:
            raise SmsError
        try:
            return str(answer.json().get("id", ""))[:80]
        except (ValueError, AttributeError):
            return ""
