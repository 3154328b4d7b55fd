"""Hashes of tables, where their libraries are installed: by content, however it lies in memory."""

from __future__ import annotations

from typing import Any

import pytest

from legato._sdk.hashing import hash_value


def test_a_data_frame_of_pandas() -> None:
    pd = pytest.importorskip("pandas")

    def frame(**columns: Any) -> Any:
        given = {
            "number": [1, 2],
            "text": ["x", None],
            "kind": pd.Categorical(["u", "v"]),
            "time": pd.to_datetime(["2026-01-01", "2026-01-02"], utc=True),
            "maybe": pd.array([1, None], dtype="Int64"),
        }
        return pd.DataFrame({**given, **columns})

    other_index = frame()
    other_index.index = ["p", "q"]
    different = [
        frame(),
        frame(number=[1, 3]),
        frame(number=[1.0, 2.0]),
        frame(text=["x", "y"]),
        frame(kind=pd.Categorical(["v", "v"], categories=["u", "v"])),
        frame(maybe=pd.array([None, 1], dtype="Int64")),
        frame().rename(columns={"text": "words"}),
        frame()[["text", "number", "kind", "time", "maybe"]],
        frame().iloc[:1],
        other_index,
        frame()["number"],
        frame()["text"],
        pd.Index([1, 2]),
        pd.MultiIndex.from_product([[1, 2], ["a"]]),
        pd.NaT,
        pd.NA,
    ]
    assert len({hash_value(value) for value in different}) == len(different)
    later_half = pd.concat([frame(), frame()], ignore_index=True).iloc[2:].reset_index(drop=True)
    assert hash_value(later_half) == hash_value(frame())
    assert hash_value(pd.RangeIndex(3)) == hash_value(pd.Index([0, 1, 2]))


def test_a_data_frame_of_polars() -> None:
    pl = pytest.importorskip("polars")

    def frame(**columns: Any) -> Any:
        given = {"n": [1, 2], "maybe": [1, None], "text": ["x", "y"], "list": [[1], [2, 3]]}
        return pl.DataFrame({**given, **columns})

    different = [
        frame(),
        frame(n=[1, 3]),
        frame(n=[1.0, 2.0]),
        frame(maybe=[None, 1]),
        frame(list=[[1, 2], [3]]),
        frame().rename({"n": "m"}),
        frame()[:1],
        frame()["n"],
        frame().lazy(),
        pl.Int64,
        pl.String,
    ]
    assert len({hash_value(value) for value in different}) == len(different)
    pieces = pl.concat([frame()[:1], frame()[1:]], rechunk=False)
    assert hash_value(pieces) == hash_value(frame())


def test_a_table_of_pyarrow() -> None:
    pa = pytest.importorskip("pyarrow")

    def table(**columns: Any) -> Any:
        given = {"n": [1, 2], "maybe": [1, None], "text": ["x", "y"], "flag": [True, False]}
        return pa.table({**given, **columns})

    different = [
        table(),
        table(n=[1, 3]),
        table(n=pa.array([1, 2], pa.int32())),
        table(maybe=[None, 1]),
        table(flag=[True, True]),
        table().rename_columns(["m", "maybe", "text", "flag"]),
        table().slice(0, 1),
        table().schema,
        pa.array([1, 2]),
        pa.array(["x", "y"]).dictionary_encode(),
        pa.scalar(1),
    ]
    assert len({hash_value(value) for value in different}) == len(different)
    pieces = pa.concat_tables([table().slice(0, 1), table().slice(1)])
    assert hash_value(pieces) == hash_value(table())
