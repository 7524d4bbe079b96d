"""The wire: one module or package per protocol, strangers to each other."""
