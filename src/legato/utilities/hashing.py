"""Hashes of values by content, alike in every process."""

from legato._sdk.hash_functions import file_hash, hash_objects, stable_hash

__all__ = ["file_hash", "hash_objects", "stable_hash"]
