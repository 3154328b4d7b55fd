"""Headers that every answer carries."""

from __future__ import annotations

from legato._model.operations import native

_POLICY = (
    "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none';"
    " object-src 'none'"
)

SECURITY: tuple[tuple[bytes, bytes], ...] = (
    (b"cache-control", b"no-store"),
    (b"content-security-policy", _POLICY.encode()),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
)
"""Answers are one user's data: no cache keeps them, no other site runs, frames or reads them."""

STANDING: tuple[tuple[bytes, bytes], ...] = (*SECURITY, (native.MARK.lower().encode(), b"1"))
"""What every answer carries."""
