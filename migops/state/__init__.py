"""What keeps acting safe: the state folder, each run's journal, the host's lock, the database's lock and its watch."""
