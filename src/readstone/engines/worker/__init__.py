"""The process that works on pixels: what is asked of it, how it is kept alive, and what it does."""
