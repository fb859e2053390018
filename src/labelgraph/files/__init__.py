"""Reading and writing: small files, YAML, tensors, images; names and text that are safe."""
