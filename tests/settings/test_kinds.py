"""Values: what is read, what is refused, and that nothing else can happen."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from legato._settings import kinds
from legato._settings.table import SETTINGS
from legato._settings.view import show

anything = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(),
    st.text("0123456789.,-+eE[]_ infa"),
    st.binary(),
    st.lists(st.one_of(st.integers(), st.text(), st.floats())),
    st.dictionaries(st.text(), st.integers()),
)


@pytest.mark.parametrize("row", SETTINGS, ids=repr)
@given(raw=anything)
def test_a_kind_reads_a_value_or_refuses_it(row, raw):
    try:
        value = row.kind.parse(raw)
    except (TypeError, ValueError, ArithmeticError):
        return
    assert row.kind.parse(value) == value


@pytest.mark.parametrize("row", SETTINGS, ids=repr)
@given(raw=anything)
def test_a_value_that_is_shown_can_be_read_again(row, raw):
    try:
        value = row.kind.parse(raw)
    except (TypeError, ValueError, ArithmeticError):
        return
    if value is not None and not row.secret and not (isinstance(value, list) and len(value) < 2):
        assert row.kind.parse(show(row, value)) == value or "@" in show(row, value)


@pytest.mark.parametrize("text", ["1", "true", "True", " yes ", "ON", "t", "y"])
def test_flags_that_are_true(text):
    assert kinds.FLAG.parse(text) is True


@pytest.mark.parametrize("text", ["0", "false", "FALSE", " no", "off", "f", "n"])
def test_flags_that_are_false(text):
    assert kinds.FLAG.parse(text) is False


@pytest.mark.parametrize("raw", ["maybe", 2, -1, None, [], 1.0])
def test_flags_that_are_neither(raw):
    with pytest.raises(ValueError):
        kinds.FLAG.parse(raw)


@given(st.integers(min_value=3))
def test_whole_numbers_are_read_from_text(number):
    assert kinds.whole(3).parse(f" {number} ") == number


@pytest.mark.parametrize("raw", ["2", 2, True, 3.0, "3.5", "three", "", None, "9" * 5000])
def test_what_is_no_whole_number_of_at_least_three(raw):
    with pytest.raises(ValueError):
        kinds.whole(3).parse(raw)


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        ("1.5", 1.5),
        (2, 2.0),
        ("1,2", [1.0, 2.0]),
        ("[1, 2.5]", [1.0, 2.5]),
        ([1, "2"], [1.0, 2.0]),
        ("[4]", [4.0]),
    ],
)
def test_delays(raw, value):
    assert kinds.DELAYS.parse(raw) == value


@pytest.mark.parametrize(
    "raw", [-1, "-0.5", math.nan, "nan", "inf", "1,,2", "[1", "1]", True, [-1]]
)
def test_what_is_no_delay(raw):
    with pytest.raises(ValueError):
        kinds.DELAYS.parse(raw)


def test_a_choice_is_read_in_any_case():
    level = kinds.choice("DEBUG", "INFO", upper=True)
    assert level.parse(" info ") == "INFO"
    assert kinds.choice("warn", "error").parse("WARN") == "warn"
    with pytest.raises(ValueError):
        level.parse("loud")


def test_addresses_lose_their_last_slash():
    assert kinds.URL.parse("http://127.0.0.1:4200/api/") == "http://127.0.0.1:4200/api"
    for raw in ("127.0.0.1:4200/api", "http://", "ftp://host", "", 1):
        with pytest.raises(ValueError):
            kinds.URL.parse(raw)


def test_folders_become_absolute(project, monkeypatch):
    monkeypatch.setenv("HOME", "/somewhere")
    assert kinds.FOLDER.parse("~/x") == "/somewhere/x"
    assert kinds.FOLDER.parse("x") == str(project / "x")
    assert kinds.FOLDER.parse(project) == str(project)
