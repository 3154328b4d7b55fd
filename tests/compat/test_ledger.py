"""The ledger of Prefect's surface holds for the Legato that is there.

`scripts/ledger` lists all faults, one a line.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compat import ledger, verify
from compat.ledger import LedgerError, Row, Status
from compat.surface import Parameter, parameters, signature_text


@pytest.fixture(scope="module")
def read() -> ledger.Ledger:
    return ledger.read()


def test_every_row_about_a_name_is_true(read):
    assert list(verify.name_faults(read)) == []


def test_every_public_name_is_a_row_or_an_addition(read):
    assert list(verify.unlisted(read)) == []


def test_every_addition_exists_and_says_what_it_is(read):
    assert list(verify.stale_additions(read)) == []


def test_every_row_about_a_command_is_true(read):
    assert list(verify.command_faults(read)) == []


def test_every_row_about_a_setting_is_true(read):
    assert list(verify.setting_faults(read)) == []


# ---- what a row is held against -----------------------------------------------------------------


def row(key: str, status: str, **exceptions: str) -> Row:
    table = {key: status}
    table |= {f"{key.partition('(')[0]}: {name}": word for name, word in exceptions.items()}
    (found,) = ledger.rows("m", table, ledger.named).values()
    return found


def faults(key: str, status: str, found: object, own=None, **exceptions: str) -> str:
    return "; ".join(verify.row_faults(row(key, status, **exceptions), found, own or {}))


def two(a, b=1):
    return a, b


def test_a_name_that_is_the_same_has_no_fault():
    assert faults("two(a, b=1)", "same", two) == ""


@pytest.mark.parametrize("status", ["same", "differs: why"])
def test_a_name_that_is_missing_must_be_later_or_never(status):
    assert "cannot be imported" in faults("two(a, b=1)", status, verify.ABSENT)


@pytest.mark.parametrize("status", ["later", "never: why"])
def test_a_name_that_exists_must_be_the_same_or_differ(status):
    assert "but exists" in faults("two(a, b=1)", status, two)
    assert "'c' is missing" in faults("two(a, b=1, c=2)", status, two)


@pytest.mark.parametrize(
    ("key", "fault"),
    [
        ("two(a, b=2)", "has the default 1, not 2"),
        ("two(a, b=1, c=None)", "'c' is missing"),
        ("two(b=1, a=2)", "'b' has another place"),
        ("two(a, b=1, *args)", "'args' is missing"),
        ("two(a, b=1, **rest)", "'rest' is missing"),
        ("two(a)", "'b' of its own"),
    ],
)
def test_parameters_that_differ_are_faults(key, fault):
    assert fault in faults(key, "same", two)


def test_a_parameter_by_keyword_is_not_one_by_position():
    def strict(*, a):
        return a

    assert "by keyword only" in faults("strict(a)", "same", strict)
    assert faults("strict(*, a)", "same", strict) == ""


def test_a_parameter_that_only_a_catch_all_takes_is_a_fault():
    def loose(**rest):
        return rest

    assert "by ** only" in faults("loose(a=1, **rest)", "same", loose)
    assert faults("loose(a=1, **rest)", "same", loose, a="same") == ""


def test_a_row_of_its_own_excuses_a_parameter():
    assert faults("two(a, b=1, c=None)", "same", two, c="later") == ""
    assert faults("two(a, b=2)", "same", two, b="differs: why") == ""


def test_an_excuse_that_is_no_longer_true_is_a_fault():
    assert "is the same" in faults("two(a, b=1)", "same", two, b="later")
    assert "marked 'later' but exists" in faults("two(a, b=2)", "same", two, b="later")
    assert "is missing" in faults("two(a, b=1, c=2)", "same", two, c="differs: why")
    assert "is missing" in faults("two(a, b=1, c=2)", "same", two, c="same")
    assert "no parameter" in faults("two(a, b=1)", "same", two, z="later")


def test_a_parameter_of_our_own_stands_in_the_additions():
    assert "of its own" in faults("two(a)", "same", two)
    assert faults("two(a)", "same", two, own={"two: b": "what it is"}) == ""


def test_an_ellipsis_is_any_default_and_numbers_count_by_value():
    assert faults("two(a, b=…)", "same", two) == ""
    assert faults("two(a, b=1.0)", "same", two) == ""


@pytest.mark.parametrize("status", ["maybe", "Same", "same as before", ""])
def test_another_word_is_refused_with_the_row(status):
    with pytest.raises(LedgerError, match=r"\[m\] 'two'"):
        row("two", status)


@pytest.mark.parametrize("status", ["differs", "never", "differs: ", "never:  "])
def test_a_difference_without_its_reason_is_refused(status):
    with pytest.raises(LedgerError):
        row("two", status)


def test_a_row_for_a_parameter_stands_below_its_name():
    with pytest.raises(LedgerError, match="below the row of 'two'"):
        ledger.rows("m", {"two: a": "later", "two(a)": "same"}, ledger.named)


def test_an_async_twin_has_the_parameters_of_the_sync_one():
    found = ledger.rows("m", {"C.arun(as run)": "later", "C.run(a=1)": "later"}, ledger.named)
    assert found["C.arun"].parameters == found["C.run"].parameters == [Parameter("a", "both", "1")]


def test_names_of_a_group_share_its_status():
    found = ledger.rows("m", {"*": "never: why", "names": "a b\nc"}, ledger.named)
    assert {name: item.status for name, item in found.items()} == dict.fromkeys(
        "abc", Status("never", "why")
    )


def test_a_name_of_a_group_has_no_row_beside():
    with pytest.raises(LedgerError, match="among the names too"):
        ledger.rows("m", {"a": "same", "*": "later", "names": "a b"}, ledger.named)


def test_a_command_has_its_name_and_its_options():
    key = "flow-run ls NAME [OTHER] --limit/-l"
    name, options = ledger.command(key)
    assert name == "flow-run ls"
    assert [item.name for item in options] == ["NAME", "[OTHER]", "--limit/-l"]


def test_an_option_that_is_missing_is_a_fault():
    found = ledger.rows("commands", {"ls --limit/-l --web": "same"}, ledger.command)["ls"]
    assert list(verify.option_faults(found, {"--limit", "-l"})) == ["the option --web is missing"]
    assert list(verify.option_faults(found, {"--limit", "--web"})) == [
        "the option --limit/-l is missing"
    ]


def test_an_option_that_is_later_must_not_be_there():
    table = {"ls --web": "same", "ls: --web": "later"}
    found = ledger.rows("commands", table, ledger.command)["ls"]
    assert list(verify.option_faults(found, set())) == []
    assert "but exists" in next(verify.option_faults(found, {"--web"}))


def test_an_option_whose_row_says_same_must_be_there():
    table = {"ls --web": "same", "ls: --web": "same"}
    found = ledger.rows("commands", table, ledger.command)["ls"]
    assert list(verify.option_faults(found, set())) == ["the option --web is missing"]
    assert list(verify.option_faults(found, {"--web"})) == []


def test_a_parameter_can_be_the_same_although_its_signature_does_not_say_so():
    assert faults("two(a, b=2)", "same", two, b="same") == ""


NAMES = st.permutations(["a", "b", "name", "of_two", "args", "kwargs"])
DEFAULTS = st.sampled_from(["None", "1", "'x'", "(1, 2)", "{'a': [1, 2]}", "…"])
KINDS = ("position", "both", "more", "keyword", "rest")


@given(NAMES, st.tuples(*[st.booleans()] * len(KINDS)), st.tuples(*[DEFAULTS] * len(KINDS)))
def test_a_key_says_the_parameters_and_can_be_read_again(names, present, defaults):
    given_parameters = [
        Parameter(name, kind, None if kind in ("more", "rest") else default)
        for name, kind, there, default in zip(names, KINDS, present, defaults, strict=False)
        if there
    ]
    assert ledger.parameters(signature_text(given_parameters)) == given_parameters


def test_options_behind_unpack_count_as_parameters_by_keyword():
    from legato import flow

    found = {item.name: item for item in parameters(flow) or ()}
    assert found["retries"] == Parameter("retries", "keyword", "None")
    assert found["fn"].kind == "position"
