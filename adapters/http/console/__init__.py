"""The web console: pages made on the server, which ask the API's own operations."""
