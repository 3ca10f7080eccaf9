"""Whether a corpus can be trusted: its tables, its audio, and what would let a detector look better than it
is.

probe      facts of one audio file, read once, many in parallel
audio      problems of the audio of one data directory
overlap    what splits share: audio by content, speakers, texts, generators
shortcuts  trivial cues that tell the classes apart
corpus     all of it, for data directories or a recipe
command    `dada validate`
"""
