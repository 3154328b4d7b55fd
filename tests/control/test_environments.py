"""What processes had installed, on both stores."""

from __future__ import annotations

from legato._model.environments import Environment
from legato._model.operations.attempts import ListAttempts, OpenAttempt, ReadEnvironment
from legato._model.states import StateType
from tests.store.records import Sender, flow_run, move, new_id, state


def environment(**packages):
    return Environment(
        id=new_id(), python="3.12.1", legato="1.0", platform="linux", packages=packages
    )


def test_a_writer_names_its_environment_and_writers_share_one(send, store, sender):
    shared, other = environment(pandas="2.1"), environment(pandas="2.2")
    runs = []
    for one, told in ((sender, shared), (Sender(store), shared), (Sender(store), None)):
        proposal = flow_run()
        proposal.environment = told
        one.send(proposal, move(proposal.run.id, StateType.RUNNING))
        runs.append(proposal.run.id)
    found = []
    for run_id in runs:
        (attempt,) = send(ListAttempts(flow_run_id=run_id))
        found.append(send(ReadEnvironment(writer_id=attempt.writer_id)))
    assert found == [shared, shared, None]
    assert send(ReadEnvironment(writer_id=new_id())) is None

    sender.send(move(runs[0], StateType.FAILED))
    again = Sender(store)
    again.send(flow_run())
    opened = state(StateType.SCHEDULED, name="Resuming")
    send(
        OpenAttempt(
            flow_run_id=runs[0], number=2, state=opened, writer=again.writer, environment=other
        )
    )
    assert send(ReadEnvironment(writer_id=again.writer.id)) == other
