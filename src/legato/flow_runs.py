"""What can be done with flow runs."""

from legato._sdk.rerunning import plan_rerun, rerun
from legato._sdk.resumption import Planned

__all__ = ["Planned", "plan_rerun", "rerun"]
