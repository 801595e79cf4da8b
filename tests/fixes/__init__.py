"""Every fix that is printed is typed, or done, as it says: the finding goes, nothing else comes or is lost."""
