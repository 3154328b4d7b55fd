"""Takes slots of a limit again and again, and shows with kernel locks which it holds."""

import fcntl
import hashlib
import os
import random
import sys

from legato.concurrency.sync import concurrency

folder, slots, seed = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
draw = random.Random(seed)


def occupy_places(count):
    """Lock so many of the places; there are as many as the limit has slots."""
    places = []
    for number in range(slots):
        fd = os.open(f"{folder}/{number}", os.O_RDWR | os.O_CREAT)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(fd)
            continue
        places.append(fd)
        if len(places) == count:
            return places
    return None


while True:
    count = draw.randint(1, slots)
    with concurrency("chaos", occupy=count, strict=True):
        held = occupy_places(count)
        if held is None:
            os.write(1, b"TOO MANY\n")
        os.write(1, b"held\n")
        hashlib.pbkdf2_hmac("sha256", b"work", b"", 40_000)  # long enough to be killed in
        for fd in held or ():
            os.close(fd)
