"""How values of other libraries are hashed. None is imported here: who has a value has loaded it.

A kind is found by the module and name of a class among the bases of the value's class.
"""

from __future__ import annotations

import sys
from enum import Enum
from pathlib import PurePath
from typing import Any
from uuid import UUID

from legato._sdk.hashing import Unhashable, Write, Writer, write_object


def writer_of(kind: type[Any]) -> Write | None:
    """Return what writes values of this type, if it is one of those below."""
    if issubclass(kind, Enum):
        return _enum
    if issubclass(kind, PurePath):
        return _path
    if kind is UUID:
        return _uuid
    for base in kind.__mro__[:-1]:
        package = base.__module__.partition(".")[0]
        found = _NAMED.get((package, base.__name__))
        if found is not None:
            return found
    return _by_its_marks(kind)


def _by_its_marks(kind: type[Any]) -> Write | None:
    if hasattr(kind, "__dataclass_fields__"):
        return _dataclass
    if hasattr(kind, "__attrs_attrs__"):
        return _attrs
    return _set if issubclass(kind, set | frozenset) else None


def _enum(writer: Writer, value: Any) -> None:
    writer.name("enum", type(value))
    name: str | None = value.name
    if name is None:  # a flag that has no name
        writer.value(value.value)
    else:
        writer.feed("member", name)


def _path(writer: Writer, value: PurePath) -> None:
    writer.feed("path", f"{type(value).__name__}:{value}")


def _uuid(writer: Writer, value: UUID) -> None:
    writer.feed("uuid", value.bytes)


def _fields(writer: Writer, value: Any, names: list[str]) -> None:
    writer.name("fields", type(value))
    absent = object()
    present = [(name, getattr(value, name, absent)) for name in names]
    writer.pairs("fields", [pair for pair in present if pair[1] is not absent], ".{}")


def _dataclass(writer: Writer, value: Any) -> None:
    """Write the fields, without what a cached property left beside them."""
    fields: dict[str, Any] = value.__dataclass_fields__
    names = [name for name, field in fields.items() if _is_field(field)]
    _fields(writer, value, names)


def _is_field(field: Any) -> bool:
    kind: object = field._field_type  # noqa: SLF001 - where ClassVar and InitVar stand, too
    return str(kind) == "_FIELD"


def _attrs(writer: Writer, value: Any) -> None:
    attributes: list[Any] = list(value.__attrs_attrs__)
    _fields(writer, value, [attribute.name for attribute in attributes])


def _pydantic(writer: Writer, value: Any) -> None:
    names: list[str] = list(value.__class__.__pydantic_fields__)
    _fields(writer, value, names)
    writer.value(value.__pydantic_extra__)
    writer.value(value.__pydantic_private__)


def _set(writer: Writer, value: Any) -> None:
    writer.name("set", type(value))
    writer.members("set", value)
    writer.pairs("state", list(getattr(value, "__dict__", {}).items()), ".{}")


def _task(writer: Writer, value: Any) -> None:
    """Write a flow or task by its function."""
    writer.feed("decorated", value.noun)
    writer.step("", value.fn)


def _array(writer: Writer, value: Any) -> None:
    """Write an array of numpy, however it lies in memory; a subclass by what pickle keeps of it."""
    if type(value).__name__ not in ("ndarray", "memmap"):
        write_object(writer, value)
        return
    writer.feed("array", f"{value.dtype.descr!r} {value.shape}")
    if value.dtype.hasobject:
        writer.items("objects", value.ravel().tolist())
        return
    try:
        writer.feed("data", memoryview(value if value.flags.c_contiguous else value.copy("C")))
    except (ValueError, TypeError):  # dates and some others have no buffer
        writer.feed("data", value.tobytes())


def _scalar(writer: Writer, value: Any) -> None:
    writer.feed("scalar", f"{value.dtype.descr!r}")
    writer.feed("data", value.tobytes())


def _dtype(writer: Writer, value: Any) -> None:
    writer.feed("dtype", repr(value.descr))


def _frame(writer: Writer, value: Any) -> None:
    """Write a DataFrame of pandas: index, columns, and each column."""
    writer.feed("frame", str(value.shape))
    writer.step(".index", value.index)
    writer.step(".columns", value.columns)
    for place, name in enumerate(value.columns):
        writer.step(f"[{name!r}]", value.iloc[:, place].array)
        writer.feed("dtype", str(value.dtypes.iloc[place]))


def _series(writer: Writer, value: Any) -> None:
    writer.feed("series", str(value.dtype))
    writer.step(".name", value.name)
    writer.step(".index", value.index)
    writer.step("", value.array)


def _index(writer: Writer, value: Any) -> None:
    """Write an Index by its values, so that a RangeIndex equals the same numbers spelt out."""
    writer.step(" (its names)", list(value.names))
    if value.nlevels > 1:
        for level in range(value.nlevels):
            writer.step(f"[{level}]", value.get_level_values(level).array)
    else:
        writer.feed("index", str(value.dtype))
        writer.step("", value.array)


def _column(writer: Writer, value: Any) -> None:
    """Write an array of pandas: what is missing has no value of its own that could differ."""
    kind = str(value.dtype)
    writer.feed("column", kind)
    if kind == "category":
        writer.step(" (its categories)", value.categories)
        writer.step(" (its codes)", value.codes)
        writer.value(value.ordered)
    elif hasattr(value, "asi8"):
        writer.value(value.asi8)
    else:
        writer.value(value.to_numpy())


def _polars_frame(writer: Writer, value: Any) -> None:
    writer.feed("frame", str(value.shape))
    for column in value.get_columns():
        writer.step(f"[{column.name!r}]", column)


def _polars_series(writer: Writer, value: Any) -> None:
    """Write a column; where a null stands, there are bytes below it that do not count."""
    writer.feed("series", f"{value.name}:{value.dtype}")
    if value.null_count() or not (value.dtype.is_numeric() or value.dtype.is_temporal()):
        writer.items("objects", value.to_list())
    else:
        whole = value.to_frame().rechunk()
        writer.feed("ipc", whole.write_ipc(None, compression="uncompressed").getvalue())


def _polars_lazy(writer: Writer, value: Any) -> None:
    writer.feed("lazy", value.serialize())


def _arrow_table(writer: Writer, value: Any) -> None:
    """Write a table or batch of pyarrow: schema, and columns without their cuts."""
    writer.feed("arrow", str(value.schema))
    writer.value(value.schema.metadata)
    for name, column in zip(value.schema.names, value.columns, strict=True):
        writer.step(f"[{name!r}]", column)


def _arrow_array(writer: Writer, value: Any) -> None:
    """Write a column; where a null stands, there are bytes below it that do not count."""
    arrow: Any = sys.modules["pyarrow"]
    writer.feed("array", f"{value.type} {len(value)}")
    if value.null_count or not arrow.types.is_primitive(value.type):
        writer.items("objects", value.to_pylist())
        return
    whole = value.combine_chunks() if hasattr(value, "combine_chunks") else value
    batch = arrow.RecordBatch.from_arrays([whole], ["x"])
    writer.feed("ipc", memoryview(batch.serialize()))


def _arrow_schema(writer: Writer, value: Any) -> None:
    writer.feed("schema", memoryview(value.serialize()))


def _tensor(writer: Writer, value: Any) -> None:
    """Write a tensor of torch by its bytes, wherever it lives."""
    torch: Any = sys.modules["torch"]
    if value.layout != torch.strided:
        raise Unhashable(value, f"its layout is {value.layout}")
    writer.feed("tensor", f"{value.dtype} {tuple(value.shape)} {value.requires_grad}")
    flat = value.detach().cpu().contiguous().reshape(-1)
    writer.feed("data", flat.view(torch.uint8).numpy().tobytes())


_NAMED: dict[tuple[str, str], Write] = {
    ("legato", "Decorated"): _task,
    ("numpy", "generic"): _scalar,
    ("numpy", "ndarray"): _array,
    ("numpy", "dtype"): _dtype,
    ("pandas", "DataFrame"): _frame,
    ("pandas", "Series"): _series,
    ("pandas", "Index"): _index,
    ("pandas", "ExtensionArray"): _column,
    ("polars", "DataFrame"): _polars_frame,
    ("polars", "LazyFrame"): _polars_lazy,
    ("polars", "Series"): _polars_series,
    ("pyarrow", "Table"): _arrow_table,
    ("pyarrow", "RecordBatch"): _arrow_table,
    ("pyarrow", "Array"): _arrow_array,
    ("pyarrow", "ChunkedArray"): _arrow_array,
    ("pyarrow", "Schema"): _arrow_schema,
    ("pydantic", "BaseModel"): _pydantic,
    ("torch", "Tensor"): _tensor,
}
