"""How a process talks to a server: connections, sending again, and following what happens."""
