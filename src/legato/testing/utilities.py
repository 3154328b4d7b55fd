"""The test tools under the module name that Prefect gives them."""

from legato.testing._harness import prefect_test_harness

__all__ = ["prefect_test_harness"]
