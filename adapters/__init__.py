"""The world: sockets, databases, files, processes, the command line."""
