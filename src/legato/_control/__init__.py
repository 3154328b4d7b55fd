"""The application: one module a noun; operations over a transaction."""
