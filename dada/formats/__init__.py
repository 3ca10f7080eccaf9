"""Foreign formats: protocols, keys, lists, score files, submissions. Each has one reader."""
