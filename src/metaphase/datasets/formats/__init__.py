"""File formats of labels, below the adapters: one file holds the reader (and writer) of one format."""
