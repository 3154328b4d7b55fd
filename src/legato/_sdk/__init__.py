"""What users import lives here."""

from legato._sdk import tracebacks

tracebacks.install()
