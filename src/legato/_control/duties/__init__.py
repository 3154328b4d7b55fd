"""What is done without being asked: plain functions of a transaction; a server has them run."""
