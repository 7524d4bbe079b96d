"""Coverage-guided fuzzing of everything that reads what strangers send; `python -m fuzz --help` says how."""
