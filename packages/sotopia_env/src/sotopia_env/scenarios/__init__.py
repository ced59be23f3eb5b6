"""Where scenarios come from: generators of verifiable families, one module each."""
