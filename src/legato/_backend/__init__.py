"""A place to send operations and records to: embedded now, a server later."""
