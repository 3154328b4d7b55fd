"""Duties: done again and again, also after one has failed."""

from __future__ import annotations

import threading

from legato._server.duties import Duties, Duty


def test_a_duty_goes_on_after_it_failed(caplog):
    done, ticks = threading.Event(), []

    def work():
        ticks.append(1)
        if len(ticks) == 1:
            raise ValueError("once")
        done.set()

    duties = Duties([Duty("cleaner", 0.001, work)])
    duties.start()
    assert done.wait(30)
    duties.stop(30)
    (status,) = duties.status()
    assert (status.name, status.failures, status.last_error) == ("cleaner", 1, "ValueError: once")
    assert status.ticks == len(ticks) >= 2
    assert "'cleaner' failed" in caplog.text
