"""Runs public suites against a started server and keeps the table of docs/compatibility.md: `./run conformance`."""
