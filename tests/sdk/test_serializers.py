"""Serializers: what comes back, by which name, and what is refused."""

import dataclasses
import datetime as dt
import decimal
import enum
import json
import math
import pathlib
import pickle
import uuid
from typing import Any

import msgspec
import pydantic
import pytest

from legato._sdk.serializers import name_of, serializer_of, stored_form
from legato.exceptions import ConfigurationError, SerializationError
from legato.serializers import (
    CompressedJSONSerializer,
    CompressedPickleSerializer,
    CompressedSerializer,
    JSONSerializer,
    PickleSerializer,
    Serializer,
)


class Order(pydantic.BaseModel):
    id: uuid.UUID
    due: dt.date
    lines: list[int] = []


@dataclasses.dataclass
class Point:
    x: int
    y: float

    @dataclasses.dataclass
    class Named:
        name: str


class Colour(enum.Enum):
    RED = "red"


class Kind(str, enum.Enum):
    NEW = "new"


class Aliased(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="forbid")
    size: int = pydantic.Field(alias="sizeInBytes")

    @pydantic.computed_field  # type: ignore[prop-decorator]
    @property
    def double(self) -> int:
        return 2 * self.size


class OtherName(pydantic.BaseModel):
    size: int = pydantic.Field(validation_alias="sizeInBytes")


class TwoArguments(Exception):
    def __init__(self, first: int, second: int) -> None:
        super().__init__(first, second)


class Refused(Exception):
    """An exception of the user's."""


PLAIN = [
    None,
    True,
    3,
    -1.5,
    2**80,
    math.inf,
    "text",
    "\ud800",
    "",
    [],
    {},
    [1, [2, {"a": None}]],
    {"data": 1, "message": 2},
    {"__class__": "only"},
    {"__class__": "a", "data": 1, "more": 2},
]
WITH_CLASS = [
    Order(id=uuid.UUID(int=1), due=dt.date(2026, 1, 2), lines=[1]),
    Aliased(sizeInBytes=3),
    Point(1, 2.5),
    Point.Named("n"),
    Colour.RED,
    dt.datetime(2026, 1, 2, 3, tzinfo=dt.UTC),
    dt.timedelta(seconds=90),
    decimal.Decimal("1.10"),
    uuid.UUID(int=2),
    pathlib.PurePosixPath("a/b"),
    {1, 2},
    frozenset({"a"}),
    b"bytes",
]
EXCEPTIONS = [ValueError("no"), KeyError("k"), Refused("a", 1), OSError("disk")]
ALL = ("json", "pickle", "compressed/json", "compressed/pickle")


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("value", [*PLAIN, *WITH_CLASS], ids=repr)
def test_values_come_back_as_what_they_were(value: object, name: str) -> None:
    serializer = serializer_of(name)
    for given in (value, [value], {"key": {"within": value}}):
        back = serializer.loads(serializer.dumps(given))
        assert back == given
        assert type(back) is type(given)


def test_what_is_no_number_stays_that() -> None:
    for name in ALL:
        assert math.isnan(serializer_of(name).loads(serializer_of(name).dumps([math.nan]))[0])


@pytest.mark.parametrize("error", EXCEPTIONS, ids=repr)
def test_exceptions_come_back_with_class_and_message(error: Exception) -> None:
    back = JSONSerializer().loads(JSONSerializer().dumps(error))
    assert type(back) is type(error)
    assert str(back) == str(error)


@pytest.mark.parametrize(
    ("given", "back"),
    [
        ((1, 2), [1, 2]),
        ({1: "a", None: "b"}, {"1": "a", "null": "b"}),
        (Kind.NEW, "new"),
        (enum.IntEnum("Level", {"LOW": 1})(1), 1),
        (type("Text", (str,), {})("t"), "t"),
    ],
)
def test_json_takes_some_values_for_its_own(given: object, back: object) -> None:
    """The page on results says so; what is added here belongs there too."""
    found = JSONSerializer().loads(JSONSerializer().dumps(given))
    assert found == back
    assert type(found) is type(back)


def test_the_forms_are_those_that_prefect_writes() -> None:
    assert json.loads(JSONSerializer().dumps(dt.date(2026, 1, 2))) == {
        "__class__": "datetime.date",
        "data": "2026-01-02",
    }
    assert json.loads(JSONSerializer().dumps(ValueError("no"))) == {
        "__exc_type__": "builtins.ValueError",
        "message": "no",
    }


def test_what_could_not_be_read_back_is_refused_when_it_is_written() -> None:
    @dataclasses.dataclass
    class Local:
        x: int

    with pytest.raises(SerializationError, match=r"Local could not be read back.*no such name"):
        JSONSerializer().dumps([Local(1)])
    for value in (OtherName(sizeInBytes=1), TwoArguments(1, 2)):
        with pytest.raises(SerializationError, match="no JSON form that could be read back"):
            JSONSerializer().dumps(value)
    for value in (object(), lambda: 1, b"\xff", {(1, 2): 3}):
        with pytest.raises(SerializationError):
            JSONSerializer().dumps(value)
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(SerializationError, match="no JSON form"):
        JSONSerializer().dumps(deep)


def test_what_no_longer_fits_names_its_class() -> None:
    name = f"{__name__}.Point"
    for data, says in (({"x": "no"}, "no longer fits"), ({"x": 1}, "no longer fits")):
        with pytest.raises(SerializationError, match=says):
            JSONSerializer().loads(json.dumps({"__class__": name, "data": data}).encode())
    with pytest.raises(SerializationError, match=r"gone\.Away.*cannot be imported"):
        JSONSerializer().loads(b'{"__class__": "gone.Away", "data": 1}')
    with pytest.raises(SerializationError, match="no exception"):
        JSONSerializer().loads(b'{"__exc_type__": "builtins.int", "message": "1"}')


def shout(value: Any) -> Any:
    return {"!": str(value)}


def whisper(found: dict[str, Any]) -> Any:
    return found.get("!", found)


CONFIGURED: list[Serializer] = [
    PickleSerializer(),
    PickleSerializer(picklelib="pickle"),
    JSONSerializer(),
    JSONSerializer(object_encoder=None, object_decoder=None),
    JSONSerializer(dumps_kwargs={"indent": 2}, loads_kwargs={"parse_int": None}),
    JSONSerializer(object_encoder=f"{__name__}.shout", object_decoder=whisper),
    CompressedSerializer("json"),
    CompressedSerializer(PickleSerializer(picklelib="pickle"), compressionlib="bz2"),
    CompressedSerializer(serializer="compressed/json", compressionlib="zlib"),
    CompressedJSONSerializer(),
    CompressedPickleSerializer(compressionlib="gzip"),
]


@pytest.mark.parametrize("serializer", CONFIGURED, ids=name_of)
def test_the_name_makes_the_same_serializer_again(serializer: Serializer) -> None:
    again = serializer_of(name_of(serializer))
    assert again.loads(serializer.dumps({"a": [1]})) == {"a": [1]}
    assert name_of(again).partition("?")[0] == name_of(serializer).partition("?")[0]
    assert pickle.loads(pickle.dumps(serializer)) == serializer


def test_encoders_of_the_users_take_the_place_of_ours() -> None:
    serializer = JSONSerializer(object_encoder=shout, object_decoder=f"{__name__}.whisper")
    assert serializer.loads(serializer.dumps({"a": Point(1, 2)})) == {"a": "Point(x=1, y=2)"}
    with pytest.raises(SerializationError):
        JSONSerializer(object_encoder=None).dumps(Point(1, 2))


def test_equal_options_are_equal_serializers() -> None:
    assert JSONSerializer() == JSONSerializer(jsonlib="json")
    assert CompressedSerializer("json") == CompressedJSONSerializer()
    assert hash(CompressedSerializer("json")) == hash(CompressedJSONSerializer())
    assert JSONSerializer() != PickleSerializer()
    assert repr(JSONSerializer(dumps_kwargs={"indent": 1})) == (
        "JSONSerializer(dumps_kwargs={'indent': 1})"
    )


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: PickleSerializer(picklelib="nosuchlib"), "'nosuchlib' cannot be imported"),
        (lambda: PickleSerializer(picklelib="math"), "has no function `dumps`"),
        (lambda: JSONSerializer(jsonlib="math"), "has no function `dumps`"),
        (lambda: CompressedSerializer("json", compressionlib="math"), "has no function `compress`"),
        (lambda: JSONSerializer(dumps_kwargs={"default": str}), "use object_encoder"),
        (lambda: JSONSerializer(loads_kwargs={"object_hook": str}), "use object_decoder"),
        (lambda: JSONSerializer(object_encoder="gone.f").dumps(1), "'gone.f' cannot be imported"),
        (lambda: CompressedSerializer("nope"), "no serializer 'nope'"),
        (lambda: serializer_of(3), "no serializer 3"),
        (lambda: serializer_of(Point), "no serializer"),
        (lambda: serializer_of("compressed/"), "Known are json, pickle"),
    ],
)
def test_options_that_name_nothing_are_refused(make: Any, says: str) -> None:
    with pytest.raises(ConfigurationError, match=says):
        make()


class Upper(Serializer):
    type = "test-upper"
    mark: str = "!"

    def dumps(self, obj: Any) -> bytes:
        return f"{obj}{self.mark}".upper().encode()

    def loads(self, blob: bytes) -> Any:
        return blob.decode()


def test_a_serializer_of_the_user_s_is_found_by_its_type() -> None:
    assert serializer_of("test-upper") == Upper()
    assert (
        serializer_of("compressed/test-upper").loads(
            serializer_of("compressed/test-upper").dumps("a")
        )
        == "A!"
    )
    assert serializer_of(name_of(Upper(mark="?"))).dumps("a") == b"A?"
    with pytest.raises(TypeError, match="Upper has no option 'dumps'"):
        Upper(dumps=1)
    with pytest.raises(NotImplementedError, match="Half has no method `dumps`"):
        type("Half", (Serializer,), {"type": "test-half"})().dumps(1)


def test_any_object_with_the_methods_will_do() -> None:
    class Own:
        type = "test-own"

        def dumps(self, obj: Any) -> bytes:
            return msgspec.msgpack.encode(obj)

        def loads(self, blob: bytes) -> Any:
            return msgspec.msgpack.decode(blob)

    own = Own()
    assert serializer_of(own) is own
    assert name_of(own) == "test-own"
    assert serializer_of("test-own") is own


def test_a_stored_pickle_is_no_text_and_both_are_read() -> None:
    value = {"a": [1, 2.5, "text"]}
    pickled = PickleSerializer()
    stored = stored_form(pickled, value)
    assert pickled.loads(stored) == pickled.loads(pickled.dumps(value)) == value
    assert len(stored) < len(pickled.dumps(value))
    assert stored_form(JSONSerializer(), value) == JSONSerializer().dumps(value)


def test_a_serializer_of_the_user_s_is_stored_as_it_says() -> None:
    class Marked(PickleSerializer):
        type = "marked"

        def dumps(self, obj: Any) -> bytes:
            return b"!" + super().dumps(obj)

        def loads(self, blob: bytes) -> Any:
            assert blob[:1] == b"!"
            return super().loads(blob[1:])

    stored = stored_form(Marked(), [1])
    assert stored[:1] == b"!"
    assert Marked().loads(stored) == [1]
