"""What only some keys may ask for: the keys themselves."""
