"""The database URL that env.py ends with, followed in the text of the project's code. Nothing is imported or run."""
