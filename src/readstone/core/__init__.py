"""The vocabulary every floor shares; standard library only."""
