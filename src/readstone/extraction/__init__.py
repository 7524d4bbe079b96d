"""The meaning of a page: from a client's schema and the lines that were read to values with their evidence."""
