"""What a method reads: batches, cached features, word vectors, regions."""
