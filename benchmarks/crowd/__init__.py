"""Many clients at once, each with a photo of its own: who is answered, and what the server holds meanwhile."""
