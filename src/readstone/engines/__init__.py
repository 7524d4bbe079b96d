"""Who answers: the engines, and in `assembly.py` all of them made from the configuration."""
