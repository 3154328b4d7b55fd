"""How much is done, and from which seed; `scripts/chaos` asks for more than a test run does."""

from __future__ import annotations

import os
import random

DEFAULTS = {
    "KILLS": 12,  # random kills of a flow process
    "FAILPOINTS": 8,  # named points at which one is killed; 0: all
    "DURABLE_KILLS": 2,  # random kills of a durable flow of each kind
    "DURABLE_FAILPOINTS": 0,  # 1: at all points that it passes, too
    "LARGE_MB": 8,  # that each result of a durable flow has
    "LARGE_KILLS": 2,  # random kills of that flow
    "OUTAGES": 2,  # of the database, each with a killed process
    "GIL_SECONDS": 3,  # for which a task keeps the interpreter to itself
    "SERVER_KILLS": 3,  # of a server under a process that records through it
    "PLACES": 1,  # in which a server is killed before it answers; 0: all, on both databases
    "ANSWERS": 4,  # that are lost so there, of different changes; 0: all
    "MOVES": 10,  # of a process to another server, and back
    "FORK_KILLS": 1,  # of a server under a process that forks
    "LOAD_KILLS": 3,  # of a server, or its PostgreSQL, under many clients
    "LOAD_CHANGES": 50,  # that they are acknowledged between two kills, at least
    "AWAY_SECONDS": 0,  # for which a flow does without its server
    "AWAY_TASKS": 300,  # that this flow has
    "ROUNDS": 2,  # of every kind of child process
    "WRITERS": 16,  # processes that write at once
    "FLOWS": 10,  # that each of them runs
}


def scale(name: str) -> int:
    """Return one of DEFAULTS, or what CHAOS_<name> says instead."""
    return int(os.environ.get(f"CHAOS_{name}", DEFAULTS[name]))


def seeded(purpose: str) -> random.Random:
    """Return chance for one test; its seed is printed, and CHAOS_SEED repeats it."""
    seed = int(os.environ.get("CHAOS_SEED") or random.SystemRandom().randrange(2**31))
    print(f"{purpose}: CHAOS_SEED={seed}")
    return random.Random(seed)


def some(whole: int, part: int, chance: random.Random) -> set[int]:
    """Return as many of the numbers below `whole` as `part` says; 0: all."""
    return set(chance.sample(range(whole), part or whole))
