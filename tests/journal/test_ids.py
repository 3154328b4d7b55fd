import copy
import os
import pickle
import threading
import time
from uuid import UUID

from legato._journal.ids import TimeOrderedIds


def test_ids_are_version_7_ordered_and_whole():
    ids = TimeOrderedIds()
    made = [ids.new() for _ in range(20_000)]
    assert made == sorted(set(made))
    one = made[0]
    assert (one.version, one.variant) == (7, UUID(int=one.int).variant)
    assert copy.deepcopy(one) == pickle.loads(pickle.dumps(one)) == UUID(str(one)) == one


def test_the_time_is_in_front():
    before = time.time_ns() // 1_000_000
    made = TimeOrderedIds().new()
    assert before <= made.int >> 80 <= time.time_ns() // 1_000_000 + 1


def test_a_carry_keeps_order_and_version():
    ids = TimeOrderedIds()
    ids._step = 1 << 58
    ids._begin(time.time_ns() // 1_000_000 + 10_000_000, 0)  # the clock seems to stand still
    made = [ids.new() for _ in range(100)]
    assert made == sorted(set(made))
    assert {m.int >> 62 & 0b11 for m in made} == {0b10}
    assert len({m.int >> 80 for m in made}) > 5
    assert {m.version for m in made} == {7}


def test_threads_never_make_the_same_id():
    ids, made = TimeOrderedIds(), []
    threads = [
        threading.Thread(target=lambda: made.extend([ids.new() for _ in range(5_000)]))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(made)) == 40_000


def test_a_forked_child_makes_other_ids():
    ids = TimeOrderedIds()
    ids.new()
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        ids.reseed()
        os.write(writer, b"".join(ids.new().bytes for _ in range(100)))
        os._exit(0)
    os.waitpid(child, 0)
    theirs = os.read(reader, 4096)
    ours = {ids.new().bytes for _ in range(100)}
    assert not ours & {theirs[i : i + 16] for i in range(0, 1600, 16)}
