"""Mail that leaves the node."""
