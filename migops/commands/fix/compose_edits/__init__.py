"""Edits of compose files that remove findings: only the characters that must change, checked against the model."""
