"""Where several nodes count ads by subscriber: a Valkey server."""
