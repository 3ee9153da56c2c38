"""PostgreSQL and Valkey from packages, on private sockets: for the demo, development and tests."""
