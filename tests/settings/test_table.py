"""The table and what derives from it agree."""

from typing import get_type_hints

import pytest

from legato._settings import server_table, table
from legato._settings.reading import parse
from legato._settings.sources import Found
from legato._settings.table import BY_ALIAS, OUTSIDE_PROFILES, SETTINGS, Settings


def test_settings_have_one_field_for_each_row_in_the_same_order():
    assert list(Settings.__struct_fields__) == [row.field for row in SETTINGS]


@pytest.mark.parametrize("row", SETTINGS, ids=repr)
def test_a_row_stands_under_its_own_name_and_says_what_it_is_for(row):
    place = server_table if row.name.startswith("SERVER_") else table
    assert getattr(place, row.name) is row
    assert row.name == row.name.upper()
    assert row.doc[0].isupper()
    assert row.doc.endswith(".")


@pytest.mark.parametrize("row", SETTINGS, ids=repr)
def test_the_default_is_a_value_that_is_allowed(row):
    value = parse(row, Found(row.default, "default"))
    if row is not table.HOME:
        assert value == row.default


@pytest.mark.parametrize("row", SETTINGS, ids=repr)
def test_a_field_may_be_none_only_if_the_row_allows_it(row):
    hint = get_type_hints(Settings)[row.field]
    assert (type(None) in getattr(hint, "__args__", ())) == (row.default is None)


def test_no_alias_means_two_settings():
    assert len(BY_ALIAS) == sum(len(row.aliases) for row in SETTINGS)


def test_what_says_where_profiles_are_takes_nothing_from_prefect():
    for name in OUTSIDE_PROFILES:
        assert not getattr(table, name).aliases
