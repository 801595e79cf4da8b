"""What everybody needs, written once: the words of the model, errors, text, subprocesses, redaction."""
