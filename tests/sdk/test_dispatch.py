"""What a flow's process makes of what an engine and its workers do, whatever they do."""

from __future__ import annotations

import pickle
import time
from itertools import count
from multiprocessing import AuthenticationError
from multiprocessing.connection import Client
from queue import SimpleQueue
from threading import Thread
from typing import TYPE_CHECKING, Any

import pytest

from legato import task
from legato._sdk.remote_errand import run_errand
from legato._sdk.remote_runner import RemoteTaskRunner
from legato._sdk.wire import Wire
from tests.sdk.remote_suite import Rows, histories, in_flow

if TYPE_CHECKING:
    from collections.abc import Iterable
    from multiprocessing.connection import Connection
    from pathlib import Path

attempts = count(1)
begun: SimpleQueue[int] = SimpleQueue()


class Engine:
    """Leaves it to the test to call `run_errand`, and to say what has become of it."""

    name, host = "The engine", "127.0.0.1"

    def __init__(self) -> None:
        self.given: SimpleQueue[tuple[bytes, Any]] = SimpleQueue()

    def submit(self, name: str, key: str, blob: bytes, done: Any) -> str:
        self.given.put((blob, done))
        return key

    def forget(self, handle: Any) -> None: ...

    def kill(self, handles: Iterable[Any]) -> None: ...

    def close(self) -> None: ...


class Runner(RemoteTaskRunner):
    def __init__(self, engine: Engine) -> None:
        super().__init__({"engine": engine})

    def _engine(self) -> Any:
        return self._options["engine"]


@task
def attempt() -> int:
    """End in the second attempt only."""
    number = next(attempts)
    begun.put(number)
    while number == 1:
        time.sleep(0.001)
    return number


def test_of_two_attempts_at_once_the_later_one_is_heard(rows: Rows) -> None:
    engine = Engine()
    errors: list[BaseException] = []

    def work(blob: bytes) -> None:
        try:
            run_errand(blob)
        except BaseException as error:  # noqa: BLE001 - whatever it is, it is looked at below
            errors.append(error)

    def body() -> int:
        future = attempt.submit()
        blob, done = engine.given.get()
        workers = [Thread(target=work, args=(blob,)) for _ in range(3)]
        for number, worker in enumerate(workers[:2], 1):
            worker.start()
            assert begun.get() == number
        value = future.result()
        workers[2].start()  # too late: it is not begun
        for worker in workers:
            worker.join()
        done(None)
        return value

    assert in_flow(Runner(engine), body) == 2
    assert [type(error) for error in errors] == [ConnectionError]
    again = ["Pending", "Running", "AwaitingRetry", "Running", "Completed"]
    assert histories(rows) == {"attempt-0": again}
    assert begun.empty()


@pytest.mark.parametrize(
    ("error", "message"),
    [(None, "The engine did not run the task to its end"), (OSError("x"), "its end: OSError: x")],
)
def test_an_engine_that_ends_without_a_word_leaves_a_crashed_run(
    error: Exception | None, message: str
) -> None:
    engine = Engine()

    def body() -> str:
        future = attempt.submit()
        _, done = engine.given.get()
        done(error)
        return str(future.state)

    state = in_flow(Runner(engine), body)
    assert state.startswith("Crashed(")
    assert message in state


def test_who_does_not_know_the_token_is_not_heard(tmp_path: Path) -> None:
    heard: SimpleQueue[Any] = SimpleQueue()

    def serve(connection: Connection) -> None:
        heard.put(connection.recv())

    wire = Wire("127.0.0.1", serve)
    try:
        place = (wire.home.host, wire.home.port)
        with pytest.raises((AuthenticationError, EOFError, ConnectionError)):
            Client(place, authkey=b"guessed").recv()
        with Client(place) as stranger:  # says something at once, as if it were trusted
            stranger.send_bytes(pickle.dumps("stranger"))
            assert stranger.recv_bytes().startswith(b"#CHALLENGE#")
            assert stranger.recv_bytes() == b"#FAILURE#"
            with pytest.raises((EOFError, ConnectionError)):
                stranger.recv_bytes()
        with Client(place, authkey=wire.home.token) as friend:
            friend.send("friend")
            assert heard.get() == "friend"
    finally:
        wire.close()
