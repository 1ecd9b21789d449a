"""The `posdata` command line."""
