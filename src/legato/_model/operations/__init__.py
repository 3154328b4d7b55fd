"""The API as values: one struct per operation, all listed in `table.py`."""
