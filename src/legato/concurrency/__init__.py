"""Concurrency limits and rate limits, in `sync` and `asyncio`."""
