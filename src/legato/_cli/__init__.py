"""The command line: one module a noun, loaded lazily."""
