"""Settings: one table (`table`), read once (`current`), and the home they name (`home`)."""
