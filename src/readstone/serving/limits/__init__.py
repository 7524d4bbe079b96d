"""Limits per key and per key and model: counted exactly, in this process, this machine or everywhere."""
