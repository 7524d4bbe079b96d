"""The pool: several engines that serve the same model, as one engine."""
