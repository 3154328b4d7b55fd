"""How an argument is to be taken: `unmapped`, `allow_failure`, `quote`, `opaque`."""

from legato._sdk.annotations import allow_failure, opaque, quote, unmapped

__all__ = ["allow_failure", "opaque", "quote", "unmapped"]
