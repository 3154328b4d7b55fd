"""Our frames are not the user's business: how they are hidden from tracebacks."""

from __future__ import annotations

import sys
from os.path import dirname
from typing import TYPE_CHECKING, Any

from legato._model.errors import SettingsError
from legato._sdk import advice
from legato._settings.current import current as settings

if TYPE_CHECKING:
    from types import TracebackType

HERE = dirname(dirname(__file__)) + "/"
_PICKLER = "/cloudpickle/cloudpickle.py"  # at work for us alone
_previous: list[Any] = []


def debugging() -> bool:
    """Tell whether LEGATO_DEBUG asks for everything."""
    try:
        return settings().debug
    except SettingsError:  # which is what is to be shown
        return False


def is_ours(traceback: TracebackType) -> bool:
    """Tell whether the frame belongs to this package, or to the pickler that works for it."""
    file = traceback.tb_frame.f_code.co_filename
    return file.startswith(HERE) or file.endswith(_PICKLER)


def without_our_frames(traceback: TracebackType | None) -> TracebackType | None:
    """Return the traceback without the frames of this package; relinks it in place."""
    while traceback is not None and is_ours(traceback):
        traceback = traceback.tb_next
    last = traceback
    while last is not None and last.tb_next is not None:
        if is_ours(last.tb_next):
            last.tb_next = last.tb_next.tb_next
        else:
            last = last.tb_next
    return traceback


def cut(exc: BaseException) -> None:
    """Take our frames out of an exception and of those that it came from.

    One that has no other frames keeps them, unless it is where another one came from.
    """
    if debugging():
        return
    for found in _chain(exc):
        kept = without_our_frames(found.__traceback__)
        if kept is not None or found is not exc:
            found.__traceback__ = kept


def _chain(exc: BaseException) -> list[BaseException]:
    """Return an exception and those that it came from."""
    found = [exc]
    for one in found:
        for other in (one.__cause__, one.__context__):
            if other is not None and not any(other is known for known in found):
                found.append(other)
    return found


def install() -> None:
    """Cut our frames from what the interpreter prints of an uncaught exception.

    Done when this package is loaded, and again when an exception leaves a run: another hook that
    was set meanwhile comes after ours, whether or not it calls the one before it. In a notebook it
    is the shell that prints.
    """
    shell = _shell()
    if shell is not None:
        _follow(shell)
    elif sys.excepthook is not _print_uncaught:
        _previous.append(sys.excepthook)
        sys.excepthook = _print_uncaught


def _shell() -> Any:
    if "IPython" not in sys.modules:
        return None
    from legato._sdk import sessions

    return sessions.shell()


def _follow(shell: Any) -> None:
    before = shell.showtraceback
    if getattr(before, "cuts", False):
        return

    def show(*args: Any, **options: Any) -> None:
        exc = sys.exc_info()[1]
        if exc is not None:
            _make_plain(exc)
        before(*args, **options)

    cutting: Any = show
    cutting.cuts = True
    shell.showtraceback = cutting


def _print_uncaught(
    kind: type[BaseException], exc: BaseException, traceback: TracebackType | None
) -> None:
    from legato._sdk import interrupts

    hook = _previous.pop() if _previous else sys.__excepthook__
    try:
        _make_plain(exc)
        hook(kind, exc, exc.__traceback__)
    finally:
        _previous.append(hook)
    interrupts.leave_if_interrupted(exc)


def _make_plain(exc: BaseException) -> None:
    """Leave the user's lines, and say the way out."""
    cut(exc)
    for found in _chain(exc):
        _name_publicly(type(found))
    _forget_echo(exc)
    advice.advise_uncaught(exc)


def _forget_echo(exc: BaseException) -> None:
    """Let go of a cause that the message repeats and that has no line of the user's."""
    cause = exc.__cause__
    if cause is not None and cause.__traceback__ is None and str(cause) in str(exc):
        exc.__cause__ = None


def _name_publicly(kind: type[BaseException]) -> None:
    """Have an error of ours printed with the module from which users import it.

    Only when it is printed: what is pickled by name needs a module that is loaded.
    """
    if kind.__module__.startswith("legato._"):
        from importlib import import_module

        public = "legato.exceptions"
        if getattr(import_module(public), kind.__name__, None) is kind:
            kind.__module__ = public
