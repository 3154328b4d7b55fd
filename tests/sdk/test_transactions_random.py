"""Random trees of blocks and tasks, beside a small model of the order of commits and rollbacks.

The model has no tree: what is staged is a list, in the order in which tasks completed. A commit
goes through the list, a rollback through the reverse of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from legato import flow, task
from legato.transactions import CommitMode, transaction

Log = list[str]


class Node(NamedTuple):
    """A block, or a task if `mode` is None; `caught`: who calls it goes on after its failure."""

    inner: Sequence[Any]
    mode: CommitMode | None | str
    fails: bool
    caught: bool
    commit_fails: bool


rarely = st.sampled_from([False, False, False, True])
TASK = "task"


def _nodes(inner: Any) -> Any:
    modes = st.sampled_from([TASK, TASK, None, None, CommitMode.EAGER, CommitMode.OFF])
    return st.builds(Node, inner, modes, rarely, st.booleans(), rarely)


_some = st.lists(_nodes(st.just(())), min_size=1, max_size=3)
trees = st.recursive(_some, lambda inner: st.lists(_nodes(inner), min_size=1, max_size=3))


class Refused(Exception):
    """What fails on purpose."""


class World:
    """Runs a tree for real."""

    def __init__(self) -> None:
        self.log: Log = []
        self.count = 0

    def run(self, nodes: Sequence[Node]) -> None:
        for node in nodes:
            try:
                self._task(node) if node.mode == TASK else self._block(node)
            except Refused:
                if not node.caught:
                    raise

    def _task(self, node: Node) -> None:
        self.count += 1
        name = f"t{self.count}"

        @task(name=name)
        def act() -> None:
            self.run(node.inner)
            if node.fails:
                raise Refused
            self.log.append(name)

        @act.on_commit
        def keep(txn: Any) -> None:
            self.log.append(f"commit {name}")
            if node.commit_fails:
                raise Refused

        act.on_rollback(lambda txn: self.log.append(f"undo {name}"))
        act()

    def _block(self, node: Node) -> None:
        assert node.mode != TASK
        mode: Any = node.mode
        with transaction(commit_mode=mode):
            self.run(node.inner)
            if node.fails:
                raise Refused


class Staged:
    """A transaction of the model."""

    def __init__(self, around: Staged | None, mode: Any = None, of_task: bool = False) -> None:
        self.mode = mode or (around.mode if around is not None else CommitMode.LAZY)
        self.around, self.of_task = around, of_task
        self.names: list[tuple[str, bool]] = []
        self.end: str | None = None


class Model:
    """Says what the log of a tree is."""

    def __init__(self) -> None:
        self.log: Log = []
        self.count = 0

    def run(self, nodes: Sequence[Node], around: Staged | None) -> bool:
        """Return whether it went well to the end."""
        return all(self._node(node, around) or node.caught for node in nodes)

    def _node(self, node: Node, around: Staged | None) -> bool:
        of_task = node.mode == TASK
        own = Staged(around, None if of_task else node.mode, of_task)
        name = ""
        if of_task:
            self.count += 1
            name = f"t{self.count}"
        if not self.run(node.inner, own) or node.fails:
            self._undo(own)
            own.end = "rolled back"
            self._undo(around)
            return False
        if of_task:
            self.log.append(name)
            own.names.append((name, node.commit_fails))
        fine = self._leave(own)
        return fine or of_task

    def _leave(self, own: Staged) -> bool:
        fine, around = True, own.around
        if own.mode is CommitMode.OFF and around is None:
            self._undo(own)
        elif own.mode is CommitMode.EAGER or around is None:
            fine = self._commit(own)
        if around is None or own.end == "committed":
            return fine
        if own.end == "rolled back":
            self._undo(around)
        elif around.end == "rolled back":
            self._undo(own)
        else:
            around.names += own.names
        return fine

    def _undo(self, txn: Staged | None) -> None:
        if txn is None or txn.end is not None:
            return
        self.log += [f"undo {name}" for name, _ in reversed(txn.names)]
        txn.names = []
        txn.end = None if txn.of_task else "rolled back"

    def _commit(self, txn: Staged) -> bool:
        if txn.end is not None:
            return True
        for name, fails in txn.names:
            self.log.append(f"commit {name}")
            if fails:
                self._undo(txn)
                txn.end = "rolled back"
                return False
        txn.end = "committed"
        return True


@settings(max_examples=60)
@given(trees)
def test_every_tree_commits_and_rolls_back_as_the_model_says(nodes: Sequence[Node]) -> None:
    world, model = World(), Model()

    @flow(name="random")
    def job() -> None:
        world.run(nodes)

    state = job(return_state=True)
    assert model.run(nodes, None) == state.is_completed()
    assert world.log == model.log
