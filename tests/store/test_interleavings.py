"""Whatever comes in whatever order, and whatever fails: what must hold, holds."""

from __future__ import annotations

import random
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from legato._control.attempts import close_dead
from legato._model.records import TaskRunCreated
from legato._model.states import StateType
from legato._store import trees
from legato._store.checker import Recorder, violations
from legato._store.faults import FaultyStore, InjectedFault
from legato._store.sqlite import SqliteStore
from tests import faults
from tests.store.conftest import postgres_store
from tests.store.records import Sender, flow_run, line, move, moved, new_id, now, task

KINDS = st.sampled_from(list(StateType))
WHO = st.integers(0, 1)
RUN = st.integers(0, 2)
TASK = st.integers(0, 3)
STEPS = st.one_of(
    st.tuples(st.just("create"), WHO, RUN),
    st.tuples(st.just("move"), WHO, RUN, KINDS, st.integers(1, 2)),
    st.tuples(st.just("task"), WHO, RUN, TASK, KINDS),
    st.tuples(st.just("task_move"), WHO, TASK, KINDS, st.integers(2, 6)),
    st.tuples(st.just("subflow"), WHO, RUN, RUN),
    st.tuples(st.just("log"), WHO, RUN),
    st.tuples(st.just("send"), WHO),
    st.tuples(st.just("repeat"), WHO, st.integers(1, 4)),
    st.tuples(st.just("die"), WHO),
    st.tuples(st.just("delete"), RUN),
)


class World:
    """Two writers, a few runs and tasks; records wait in a batch until they are sent."""

    def __init__(self, store):
        self.store, self.recorder = store, Recorder()
        self.writers = [Sender(store, self.recorder, pid=n) for n in range(2)]
        self.pending = [[], []]
        self.sent = [[], []]
        self.runs = [new_id() for _ in range(3)]
        self.tasks = [task(self.runs[n % 3]) for n in range(4)]

    def create(self, who, run):
        self.pending[who].append(flow_run(self.runs[run]))

    def move(self, who, run, kind, epoch):
        self.pending[who].append(move(self.runs[run], kind, epoch))

    def task(self, who, run, number, kind):
        made = task(self.runs[run], kind, id=self.tasks[number].id)
        self.tasks[number] = made
        self.pending[who].append(TaskRunCreated(1, made))

    def task_move(self, who, number, kind, version):
        self.pending[who].append(moved(self.tasks[number], version, kind))

    def subflow(self, who, run, child):
        parent = task(self.runs[run])
        self.pending[who].append(flow_run(self.runs[child], parent=parent, parent_epoch=1))

    def log(self, who, run):
        self.pending[who].append(line("x", self.runs[run]))

    def send(self, who):
        if self.pending[who]:
            batch = self.writers[who].batch(*self.pending[who])
            self.pending[who] = []
            self.sent[who].append(batch)
            self.deliver(who, batch)

    def repeat(self, who, back):
        for batch in self.sent[who][-back:]:
            self.deliver(who, batch)

    def deliver(self, who, batch):
        self.persist(lambda: self.writers[who].deliver(batch))

    def die(self, who):
        self.persist(
            lambda: self.store.run(lambda tx: close_dead(tx, now(), [self.writers[who].writer]))
        )

    def delete(self, run):
        """Deleting takes back what was acknowledged, so the record of it ends here."""
        self.persist(lambda: self.store.run(lambda tx: trees.delete(tx, self.runs[run])))
        self.recorder.states.clear()

    def persist(self, act):
        """A sender whose call failed does not know whether it was executed: it tries again."""
        for _ in range(50):
            try:
                return act()
            except InjectedFault:
                continue
        raise AssertionError("fifty faults in a row")

    def play(self, steps):
        for name, *arguments in steps:
            getattr(self, name)(*arguments)
        for who in (0, 1):
            self.send(who)


def check(store, world):
    assert violations(getattr(store, "store", store), world.recorder) == []


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(STEPS, max_size=40), seed=st.integers(0, 2**32))
def test_no_interleaving_leaves_a_terminal_state_on_sqlite(steps, seed):
    folder = Path(tempfile.mkdtemp())
    chance = random.Random(seed)
    store = FaultyStore(SqliteStore(folder / "legato.db"), chance.random, chance.choice([0, 0.2]))
    world = World(store)
    try:
        world.play(steps)
        check(store, world)
    finally:
        store.close()
        shutil.rmtree(folder)


@pytest.mark.postgres
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(STEPS, max_size=40))
def test_no_interleaving_leaves_a_terminal_state_on_postgres(postgres_url, steps):
    store = postgres_store(postgres_url)
    world = World(store)
    try:
        world.play(steps)
        check(store, world)
    finally:
        store.close()


@pytest.mark.chaos
@faults.meaningless("it has faults of its own, and with both it takes minutes")
@pytest.mark.parametrize("seed", range(3))
def test_a_busy_life_with_faults(store, seed):
    """1 % of each fault; without the sequence numbers, records would be stored twice."""
    chance = random.Random(seed)
    faulty = FaultyStore(store, chance.random, 0.01)
    world = World(faulty)
    begin = [("create", 0, 0), ("move", 0, 0, StateType.RUNNING, 1), ("send", 0)]
    world.play(begin)
    for _ in range(150):
        number = chance.randrange(4)
        world.tasks[number] = task(world.runs[0])
        world.task(0, 0, number, StateType.PENDING)
        world.task_move(0, number, StateType.RUNNING, 2)
        world.send(0)
        world.task_move(0, number, chance.choice([StateType.COMPLETED, StateType.FAILED]), 3)
        world.log(0, 0)
        world.repeat(0, chance.randrange(3))
        world.send(0)
    world.play([("move", 0, 0, StateType.COMPLETED, 1), ("send", 0), ("die", 0)])
    assert faulty.faults > 0, f"seed {seed}"
    check(store, world)
    assert world.recorder.last_seq[world.writers[0].writer.id] == world.writers[0].seq - 1
