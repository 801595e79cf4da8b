"""The commands, one module or package each: a command returns a frozen result and prints nothing."""
