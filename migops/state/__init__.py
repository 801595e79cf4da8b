"""State that keeps acting safe: the state folder, each run's journal, the host's lock, the engine's lock."""
