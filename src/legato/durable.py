"""What durable flows need: to be resumed, and a time, ids, chance and waits that are recorded."""

from legato._sdk.durable import now, random, sleep, uuid4
from legato._sdk.resumption import Planned, plan_of, resume

__all__ = ["Planned", "now", "plan_of", "random", "resume", "sleep", "uuid4"]
