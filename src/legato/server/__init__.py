"""What clients of the server use of it."""
