"""Settings: what holds now, and how to let others hold for a while.

Every setting is an object here, under its own name and under Prefect's:
`LEGATO_LOGGING_LEVEL.value()`, `PREFECT_LOGGING_LEVEL.value()`.
"""

from typing import Any

from legato._settings.current import current as get_current_settings
from legato._settings.current import temporary as temporary_settings
from legato._settings.setting import Setting
from legato._settings.table import SETTINGS, Settings

__all__ = ["Setting", "Settings", "get_current_settings", "temporary_settings"]

_BY_NAME = {f"LEGATO_{row.name}": row for row in SETTINGS}
_BY_NAME.update({alias: row for row in SETTINGS for alias in row.aliases})


def __getattr__(name: str) -> Setting[Any]:
    try:
        return _BY_NAME[name]
    except KeyError:
        raise AttributeError(f"legato.settings has no setting {name!r}") from None


def __dir__() -> list[str]:
    return sorted([*__all__, *_BY_NAME])
