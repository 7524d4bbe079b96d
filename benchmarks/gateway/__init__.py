"""Readstone as a gateway against its peers, one core each, in one run."""
