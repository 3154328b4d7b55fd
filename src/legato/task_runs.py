"""What can be done with task runs."""

from legato._sdk.marking import mark_succeeded

__all__ = ["mark_succeeded"]
