"""What checking a key costs."""
