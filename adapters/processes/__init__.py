"""The processes of a node: supervisor, worker, control."""
