"""What the lines of a page are to each other: their order, rows, paragraphs and tables."""
