"""Small things for flow files."""

from legato.utilities import annotations, hashing

__all__ = ["annotations", "hashing"]
