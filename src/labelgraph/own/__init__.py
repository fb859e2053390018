"""A finished run put to use on pictures of one's own: probabilities, evidence, exports, a page."""
