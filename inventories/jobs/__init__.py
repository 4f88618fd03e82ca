"""Jobs on gridded emissions: the models of their TOML files, and what they do."""
