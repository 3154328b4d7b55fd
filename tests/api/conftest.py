"""A home of each test's own."""

from tests.sdk.conftest import home

__all__ = ["home"]
