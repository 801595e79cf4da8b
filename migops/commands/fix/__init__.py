"""``migops doctor --fix``: edits of the project's files that remove findings, shown, applied, checked, or put back."""
