"""What a row of the table of settings is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

from legato._settings.kinds import Kind

if TYPE_CHECKING:
    from legato._settings.table import Settings

T = TypeVar("T")

_SECRETS = frozenset(
    {
        "API_KEY",
        "API_AUTH_STRING",
        "SERVER_API_AUTH_STRING",
        "SERVER_API_KEY",
        "SERVER_DATABASE_CONNECTION_URL",
    }
)


class Setting(Generic[T]):
    """One row. `aliases` are the variables of Prefect that mean the same, the best one first."""

    __slots__ = ("aliases", "default", "doc", "field", "kind", "name", "secret")

    def __init__(self, name: str, kind: Kind[T], default: T, doc: str, *aliases: str) -> None:
        self.name: str = name
        self.field: str = name.lower()
        self.kind: Kind[T] = kind
        self.default: T = default
        self.doc: str = doc
        self.aliases: tuple[str, ...] = aliases
        self.secret: bool = name in _SECRETS

    def value(self) -> T:
        """Return what holds now."""
        from legato._settings.current import current

        return self.of(current())

    def of(self, settings: Settings) -> T:
        """Return what `settings` say."""
        found: T = getattr(settings, self.field)
        return found

    def __repr__(self) -> str:
        return f"<Setting {self.name}>"
