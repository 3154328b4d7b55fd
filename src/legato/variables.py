"""Variables: small named values that runs share."""

from legato._sdk.variables import Variable

__all__ = ["Variable"]
