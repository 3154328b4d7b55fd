"""Following one flow run."""

from legato._sdk.run_subscriber import FlowRunSubscriber

__all__ = ["FlowRunSubscriber"]
