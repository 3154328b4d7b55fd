"""Lists and counts, put together by SQLAlchemy at run time."""
