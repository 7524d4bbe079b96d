"""Values found by a language model among the lines of pages, each held against the lines it says it read them from."""
