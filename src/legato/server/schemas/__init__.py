"""The records of the server, by the names of the modules in which Prefect has them."""
