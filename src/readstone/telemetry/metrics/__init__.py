"""Metrics: what is counted, in memory that the processes of a server share, and how it is told."""
