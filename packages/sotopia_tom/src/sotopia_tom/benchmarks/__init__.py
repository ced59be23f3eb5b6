"""One file a benchmark: load, prompt, parse, score."""
