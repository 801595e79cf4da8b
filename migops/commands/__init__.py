"""One room a command: each returns a frozen result, and prints nothing."""
