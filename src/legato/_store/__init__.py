"""The only SQL: schema, statements, SQLite and PostgreSQL behind one port."""
