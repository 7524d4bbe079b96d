"""What fields are called, in eight languages."""
