"""Two workers at the last calls of one run: one of them closes it."""

import threading

import pytest
from django.db import connection

from apps.core import clock
from apps.handovers import services
from apps.handovers.models import HandoverCall, HandoverRun
from apps.handovers.services import calling

PATH = "externalcontact/resigned/transfer_customer"


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_the_second_worker_waits_for_the_first_and_closes_the_run(shop, later, monkeypatch):
    shop.befriend(shop.leaver, 4)
    shop.leave(shop.others[2])
    shop.leave()
    run = shop.start()
    first, second = HandoverCall.objects.filter(run=run).order_by("pk")
    shop.simulator.post("/sim/faults", path=PATH, errcode=40097, times=2)
    soon = clock.now()
    HandoverCall.objects.filter(pk=second.pk).update(due_at=soon.replace(year=soon.year + 1))
    threads = []

    def work():
        try:
            HandoverCall.objects.filter(pk=second.pk).update(due_at=soon)
            services.send_calls(now=clock.now())
        finally:
            connection.close()

    close = calling._close

    def closed_but_not_committed(call, token, at):
        close(call, token, at)
        if call.pk == first.pk:
            threads.append(threading.Thread(target=work))
            threads[0].start()
            threads[0].join(timeout=1.5)

    monkeypatch.setattr(calling, "_close", closed_but_not_committed)
    services.send_calls(now=clock.now())
    threads[0].join(timeout=20)

    assert set(run.items.values_list("state", flat=True)) == {"cannot"}
    assert HandoverRun.objects.get(pk=run.pk).state == HandoverRun.State.DONE
