"""The reader over thousands of mixed pages: what its memory does."""
