"""What it costs to make images ready for an engine."""
