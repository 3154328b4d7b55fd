"""File systems that results can be stored in."""

from legato._sdk.file_systems import ReadableFileSystem, WritableFileSystem

__all__ = ["ReadableFileSystem", "WritableFileSystem"]
