"""The text of a page, made from its lines in the form that was asked for."""
