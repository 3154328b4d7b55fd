"""One request for all that wait at a server."""

from __future__ import annotations

import socket
import threading
from queue import Queue
from uuid import UUID

import pytest
from tests.store.records import until

from legato._backend.lookout import Lookout
from legato._model.errors import ServerAway
from legato._model.flights import Ready

ONE, TWO = UUID(int=1), UUID(int=2)


class Question:
    """What was asked; the test answers it."""

    def __init__(self, what, line):
        self.what, self.line, self.answer = what, line, Ready()

    def end(self, **ready):
        self.answer = Ready(**ready)
        self.line.send(b".")


class Asked:
    """A server that asks the test."""

    def __init__(self):
        self.questions = Queue()

    def __call__(self, asked, around):
        ours, theirs = socket.socketpair()
        question = Question({*asked.grants, *asked.cache_keys}, theirs)
        with ours, theirs, around(ours):
            self.questions.put(question)
            if not ours.recv(1):
                raise ServerAway("The connection was lost.")
        return question.answer

    def asks(self, *what):
        question = self.questions.get(timeout=30)
        while question.what != set(what):  # was broken off, as another one joined meanwhile
            question = self.questions.get(timeout=30)
        return question


@pytest.fixture
def asked():
    return Asked()


def lookouts():
    return [thread for thread in threading.enumerate() if thread.name == "legato-lookout"]


def test_who_joins_is_asked_for_at_once_and_who_is_ready_is_told(asked):
    lookout = Lookout(asked)
    first = lookout.watch(ONE)
    asked.asks(ONE)  # hangs until it is broken off
    second = lookout.watch("key")
    question = asked.asks(ONE, "key")
    seen = first.look(), second.look()
    question.end(cache_keys=["key"])
    question = asked.asks(ONE)  # not for who is told, until it has looked
    assert (first.look(), second.look()) == (seen[0], seen[1] + 1)
    question = asked.asks(ONE, "key")
    first.close()
    question.end()
    question = asked.asks("key")
    second.close()
    question.end()
    until(lambda: not lookouts())


def test_who_waits_asks_himself_what_is_wrong_with_the_server(asked):
    lookout = Lookout(asked)
    watch = lookout.watch(TWO)
    seen = watch.look()
    asked.asks(TWO).line.shutdown(socket.SHUT_RDWR)
    question = asked.asks(TWO)  # it is tried again
    assert watch.look() == seen + 1
    watch.close()
    question.end()
    until(lambda: not lookouts())
