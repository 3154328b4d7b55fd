"""Small things for flow files."""

from legato.utilities import annotations

__all__ = ["annotations"]
