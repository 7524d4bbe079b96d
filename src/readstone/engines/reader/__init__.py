"""The reader: pages become lines of text with boxes, on a CPU."""
