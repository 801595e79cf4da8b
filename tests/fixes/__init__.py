"""Every fix that is printed is typed, or done, as it says: it works, the finding goes, nothing else comes or is lost."""
