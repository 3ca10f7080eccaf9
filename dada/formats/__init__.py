"""Files that others wrote: protocols, keys, lists, score files, submissions. One reader and one description each."""
