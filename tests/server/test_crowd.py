"""Many who follow at once: between them, others have their turn."""

from __future__ import annotations

import asyncio
from itertools import groupby
from math import ceil

from legato._control import ordered_log
from legato._model.errors import Resync, StoreBusy
from legato._server import streams
from legato._server.streams import PIECE_BYTES, STEPS, Feed, Item, Stretch

CROWD = 50


class Grown:
    """A control whose log stands at 0 and gets one more position."""

    async def call(self, work):
        return "v1.0" if work is ordered_log.latest else work(None)


def read(_store, after, _limit):
    return Stretch(after, 1, [], more=False)


async def turns():
    """Who had a turn, in order, from the moment at which the log grew."""
    feed, seen, told = Feed(Grown(), read), [], 0

    async def follow():
        nonlocal told
        await feed.after(0)
        told += 1
        seen.append("follower")

    followers = [asyncio.create_task(follow()) for _ in range(CROWD)]
    await asyncio.sleep(0)
    await feed.join()
    while told < CROWD:
        await asyncio.sleep(0)
        seen.append("other")
    feed.leave()
    await asyncio.gather(*followers)
    return seen


async def leaving():
    """Who still waits on a log that is quiet, when all have left."""
    feed = Feed(Grown(), read)
    for _ in range(3):
        task = asyncio.create_task(feed.after(0))
        await asyncio.sleep(0)  # it waits
        task.cancel()
        await asyncio.wait([task])
    return feed._waiting


def test_who_leaves_a_log_that_is_quiet_is_forgotten():
    assert asyncio.run(asyncio.wait_for(leaving(), 30)) == []


class Pruned:
    """A control whose log is pruned before it is read, while the database cannot tell its end."""

    def __init__(self):
        self.ends = ["v1.0", StoreBusy("in use"), "v1.7"]
        self.reads = [Resync("pruned"), Stretch(7, 8, [], more=False)]

    async def call(self, work):
        found = (self.ends if work is ordered_log.latest else self.reads).pop(0)
        if isinstance(found, Exception):
            raise found
        return found


async def after_trouble():
    """What comes after 7, for one who is at the end of a log that is pruned at once."""
    feed = Feed(Pruned(), read)
    await feed.join()
    told = await feed.after(7)
    feed.leave()
    return told


def test_a_feed_goes_on_after_what_went_wrong(monkeypatch):
    monkeypatch.setattr(streams, "_BEGIN_SECONDS", -1.0)
    monkeypatch.setattr(streams, "_RETRY_SECONDS", 0.0)
    assert asyncio.run(asyncio.wait_for(after_trouble(), 30)).upto == 8


class Opening:
    """A control that takes its time to open a watch, and the watch."""

    def __init__(self):
        self.asked, self.opens, self.closed = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def call(self, _work):
        self.asked.set()
        await self.opens.wait()
        return self

    def close(self):
        self.closed.set()


async def leaving_early():
    """Somebody follows, and leaves before the database is watched."""
    control = Opening()
    follows = streams.Streams(control)

    async def follow():
        async with follows.followed(follows.feed(read)):
            raise AssertionError

    follower = asyncio.create_task(follow())
    await control.asked.wait()
    follower.cancel()
    await asyncio.wait([follower])
    assert follower.cancelled()
    assert not control.closed.is_set()
    control.opens.set()
    await control.closed.wait()


def test_who_leaves_before_the_database_is_watched_leaves_no_watch():
    asyncio.run(asyncio.wait_for(leaving_early(), 30))


def test_a_crowd_does_not_hold_up_others():
    seen = asyncio.run(asyncio.wait_for(turns(), 30))
    assert seen.count("follower") == CROWD
    in_a_row = [len(list(run)) for who, run in groupby(seen) if who == "follower"]
    assert max(in_a_row) <= ceil(CROWD / STEPS)


def test_who_takes_everything_is_told_what_stands_behind_his_own_position():
    frames = [b"a", b"b", b"c" * (PIECE_BYTES + 1), b"d"]
    items = [Item(position, None, frame) for position, frame in enumerate(frames, 6)]
    stretch = Stretch(5, 10, items, more=False)
    assert stretch.behind(5) is stretch
    assert stretch.pieces == [b"".join(frames[:3]), b"d"]
    assert stretch.behind(7).pieces == [frames[2], b"d"]
    assert stretch.behind(9).pieces == []
