"""Statements that travel together: whoever is wrong is told, and nothing of it stands."""

from __future__ import annotations

import logging
import sys
from contextlib import suppress

import psycopg
import pytest

from legato._model.errors import StoreError
from legato._store import combine, postgres_pipeline, postgres_transaction, postgres_writer
from legato._store.postgres import PostgresStore
from legato._store.sql import Sql
from tests.store.conftest import empty
from tests.store.records import new_id
from tests.store.test_review import Interrupter, Interruption

PASSED_OVER = (psycopg.errors.InFailedSqlTransaction, psycopg.errors.PipelineAborted)

pytestmark = pytest.mark.postgres


@pytest.fixture
def store(postgres_url):
    empty(postgres_url)
    store = PostgresStore(postgres_url)
    yield store
    store.close()


@pytest.fixture(autouse=True)
def no_warnings(caplog):
    """psycopg logs what it leaves undone."""
    yield
    assert [r.getMessage() for r in caplog.records if r.levelno >= logging.WARNING] == []


def flow_row(tx, name):
    return [tx.uid(new_id()), 1, 1, name, tx.null, tx.null, 0]


def make(*names):
    """Add flows whose names are not asked for an answer; text that is None cannot be stored."""

    def op(tx):
        for name in names:
            tx.bulk("flow.create", flow_row(tx, name))

    return op


def names(store):
    return sorted(row[0] for row in store.read(lambda tx: tx.select(Sql("SELECT name FROM flow"))))


def test_what_was_sent_stands_after_the_commit(store):
    store.run(make("a", "b"))
    assert names(store) == ["a", "b"]


def test_an_error_of_what_was_sent_reaches_the_one_who_sent_it(store):
    outcomes = store.run_all([make("a"), make("b", None), make("c"), lambda tx: 7])
    assert [type(outcome) for outcome in outcomes] == [
        type(None), psycopg.errors.NotNullViolation, type(None), int,
    ]  # fmt: skip
    assert names(store) == ["a", "c"]


def test_an_error_that_an_operation_passes_over_commits_nothing(store):
    def pass_over(tx):
        tx.bulk("flow.create", flow_row(tx, "lost"))
        with suppress(psycopg.Error):
            tx.bulk("flow.create", flow_row(tx, None))
            tx.select(Sql("SELECT 1"))
        return "fine"

    outcomes = store.run_all([make("a"), pass_over, make("b")])
    assert outcomes[::2] == [None, None]
    assert isinstance(outcomes[1], PASSED_OVER)
    assert names(store) == ["a", "b"]


def test_what_was_not_prepared_for_an_error_is_prepared_for_the_next(store):
    def count(tx):
        return tx.select(Sql("SELECT count(*) FROM flow"))

    def pass_over(tx):
        with suppress(psycopg.Error):
            make(None)(tx)
            count(tx)

    for _ in range(4):
        with pytest.raises(PASSED_OVER):
            store.run(pass_over)
        assert store.run(count) == [(0,)]


def test_the_server_sees_who_rests_within_a_transaction(store, postgres_url):
    """It can end whoever has stopped there, with what waits for that (docs/decisions/0012)."""

    def rest(tx):
        make("lost")(tx)
        ((pid,),) = tx.select(Sql("SELECT pg_backend_pid()"))
        with psycopg.connect(postgres_url) as other:
            state = "SELECT state FROM pg_stat_activity WHERE pid = %s"
            return other.execute(state, (pid,)).fetchone()

    assert store.run(rest) == ("idle in transaction",)


def test_a_savepoint_ends_with_the_errors_of_what_was_sent_within_it(store):
    def some(tx):
        tx.bulk("flow.create", flow_row(tx, "before"))
        with pytest.raises(tx.data_errors), tx.savepoint():
            make("within", None)(tx)
        with tx.savepoint():
            tx.bulk("flow.create", flow_row(tx, "second"))
        tx.bulk("flow.create", flow_row(tx, "after"))

    store.run(some)
    assert names(store) == ["after", "before", "second"]


def test_a_savepoint_does_not_take_errors_from_before_it_for_its_own(store):
    def wrong(tx):
        tx.bulk("flow.create", flow_row(tx, None))
        with suppress(psycopg.Error), tx.savepoint():
            pass

    with pytest.raises(psycopg.errors.NotNullViolation):
        store.run(wrong)


def test_a_row_that_is_not_found_is_told_before_the_commit(store):
    def mark(tx):
        make("lost")(tx)
        tx.bulk("writer.advance", [tx.uid(new_id()), 0, 1, 1], each=True)

    with pytest.raises(RuntimeError, match=r"writer\.advance found 0 of 1 rows"):
        store.run(mark)
    assert names(store) == []


def test_a_connection_that_is_ended_on_the_way_is_opened_anew(store, postgres_url):
    def end(tx):
        make("lost")(tx)
        ((pid,),) = tx.select(Sql("SELECT pg_backend_pid()"))
        with tx.savepoint():
            with psycopg.connect(postgres_url) as other:
                other.execute("SELECT pg_terminate_backend(%s, 5000)", (pid,))
            make("lost too")(tx)

    with pytest.raises(StoreError):
        store.run(end)
    store.run(make("later"))
    assert names(store) == ["later"]


def answers(n):
    """An operation that notices if it is given another statement's answer."""

    def op(tx):
        tx.bulk("flow.create", flow_row(tx, f"{n}"))
        assert tx.select(Sql("SELECT ?::BIGINT", (n,))) == [(n,)]
        tx.bulk("flow.create", flow_row(tx, f"{n} b"))
        with tx.savepoint():
            assert tx.execute(Sql("UPDATE flow SET name = name WHERE name = ?", (f"{n}",))) == 1
        return n

    return op


def fails(n):
    """An operation that fails after it has written."""

    def op(tx):
        make(f"{n} never")(tx)
        tx.select(Sql("SELECT 1"))
        raise ZeroDivisionError

    return op


@pytest.mark.skipif(sys.version_info[:2] != (3, 11), reason="the places are those of 3.11")
@pytest.mark.parametrize("asked", [answers, fails])
def test_who_comes_after_an_interruption_gets_the_own_answers(store, asked):
    files = [m.__file__ for m in (postgres_pipeline, postgres_transaction, postgres_writer)]
    files += [sys.modules[f"psycopg.{name}"].__file__ for name in ("_pipeline_base", "_pipeline")]
    for n in range(1, 1000):
        interrupter, met = Interrupter(n, *files, combine.__file__), None
        try:
            with interrupter:
                store.run(asked(n))
        except (Interruption, ZeroDivisionError) as error:
            met = error
        place = interrupter.place
        assert place is None or isinstance(met, Interruption), place
        assert store.run(answers(-n)) == -n, place
        found = names(store)
        assert (f"{n}" in found) == (f"{n} b" in found), place
        assert f"{n} never" not in found, place
        if place is None:
            break
    assert 100 < n < 999
