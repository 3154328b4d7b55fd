"""Events are emitted from here, too."""

from legato._sdk.events import emit_event

__all__ = ["emit_event"]
