"""The only write path of a native run: a buffer, its drain, and the thread that keeps time."""
