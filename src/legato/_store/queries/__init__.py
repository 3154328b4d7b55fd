"""Lists and counts, put together at run time from the conditions of a request."""
