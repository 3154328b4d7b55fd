"""What tools see of a flow or a task is the user's function."""

from __future__ import annotations

import inspect
import pydoc

import pytest

from legato import flow, task


def price(item: str, *, vat: float = 0.2) -> float:
    """Return the price of an item."""
    return len(item) * (1 + vat)


@pytest.mark.parametrize("decorate", [flow, task, flow(name="x"), task(retries=2)])
def test_signature_source_and_docs_are_those_of_the_function(decorate) -> None:
    made = decorate(price)
    assert inspect.signature(made) == inspect.signature(price)
    assert inspect.getsource(inspect.unwrap(made)) == inspect.getsource(price)
    assert made.__wrapped__ is price
    assert made.__doc__ == price.__doc__
    assert (made.__name__, made.__module__, made.__qualname__) == (
        price.__name__,
        price.__module__,
        price.__qualname__,
    )
    assert "Return the price of an item." in pydoc.render_doc(made)
