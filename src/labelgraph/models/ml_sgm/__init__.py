"""ML-SGM."""
