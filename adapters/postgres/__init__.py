"""PostgreSQL: the embedded server, migrations, the books."""
