"""What every storage must keep, as checks that take one."""

import os
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from legato._sdk.exceptions import ConfigurationError, CorruptResult, NotStored
from legato._sdk.result_objects import FIRST_READ_BYTES, load, load_header, pack
from legato._sdk.storage import Storage

Check = Callable[[Storage], None]
CHECKS: list[Check] = []
NOW = datetime(2026, 1, 2, tzinfo=UTC)


def check(function: Check) -> Check:
    CHECKS.append(function)
    return function


@check
def an_object_is_read_back_whole_and_in_parts(storage: Storage) -> None:
    location = storage.write("folder/key", b"ab", b"", b"cdef")
    assert location == storage.location("folder/key")
    assert storage.read("folder/key") == b"abcdef"
    assert storage.read("folder/key", 2) == b"cdef"
    assert storage.read("folder/key", end=3) == b"abc"
    assert storage.read("folder/key", 1, 3) == b"bc"
    assert storage.read("folder/key", 0, 100) == b"abcdef"


@check
def what_is_written_again_replaces_what_was_there(storage: Storage) -> None:
    storage.write("again", b"a long one")
    storage.write("again", b"new")
    assert storage.read("again") == b"new"


@check
def what_is_not_there_is_told_apart_from_trouble(storage: Storage) -> None:
    assert not storage.exists("nothing")
    with pytest.raises(NotStored, match="nothing"):
        storage.read("nothing")
    storage.write("nothing", b"")
    assert storage.exists("nothing")
    assert storage.read("nothing") == b""


@check
def a_removed_object_is_gone_and_removing_it_again_is_no_error(storage: Storage) -> None:
    storage.write("gone", b"1")
    storage.remove("gone")
    assert not storage.exists("gone")
    storage.remove("gone")


@check
def keys_with_uncommon_characters_stay_what_they_are(storage: Storage) -> None:
    for key in ("a b", "ü/日", "x?y=1&z", "100%", "a%20b", "p#q", "{x}[1]", "a:b", "." + "k" * 200):
        location = storage.write(key, key.encode())
        assert storage.read(key) == key.encode()
        assert storage.key_at(location) == key


@check
def no_key_leads_out(storage: Storage) -> None:
    for key in ("../k", "a/../../k", "/etc/passwd", "..", "", ".", "a/", "a\0b"):
        with pytest.raises(ConfigurationError, match="result storage key"):
            storage.write(key, b"1")
        with pytest.raises(ConfigurationError, match="result storage key"):
            storage.read(key)
    storage.write("a/../inside", b"1")
    assert storage.read("inside") == b"1"


@check
def a_location_elsewhere_is_not_in_it(storage: Storage) -> None:
    root = storage.root
    for location in (root, f"{root}x/k", f"{root}/../k", f"{root}/a/../../k", "k", "", "s3://no/k"):
        assert storage.key_at(location) is None


@check
def a_result_is_loaded_with_what_it_says_about_itself(storage: Storage) -> None:
    for size in (0, 1, 1000, FIRST_READ_BYTES - 300, FIRST_READ_BYTES, 3 * FIRST_READ_BYTES):
        payload = os.urandom(size)
        later = NOW + timedelta(hours=1)
        storage.write("r", *pack(payload, serializer="json", created_at=NOW, expires_at=later))
        header, loaded = load(storage, "r")
        assert loaded == payload
        assert (header.serializer, header.size, header.created_at) == ("json", size, NOW)
        assert load_header(storage, "r") == header
        assert not header.has_expired(NOW)
        assert header.has_expired(later)


@check
def what_is_not_whole_is_an_error_that_names_it(storage: Storage) -> None:
    for size in (100, 3 * FIRST_READ_BYTES):
        blob = b"".join(pack(b"p" * size, serializer="json", created_at=NOW))
        for damaged in (
            blob[:-1],
            blob + b"p",
            blob[:-1] + b"x",
            blob.replace(b"/1 ", b"/9 "),
            blob.replace(b'"size"', b'"suze"'),
            blob[:20],
            blob[30:],
            b"",
        ):
            storage.write("damaged", damaged)
            with pytest.raises(CorruptResult) as caught:
                load(storage, "damaged")
            assert storage.location("damaged") in str(caught.value)


@check
def writers_of_one_key_leave_one_of_their_objects(storage: Storage) -> None:
    blobs = [bytes([number]) * 50_000 for number in range(4)]
    threads = [threading.Thread(target=storage.write, args=("k", blob)) for blob in blobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert storage.read("k") in blobs
