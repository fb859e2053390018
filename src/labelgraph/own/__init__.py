"""A trained run used on your own pictures: probabilities, evidence, exports, a web page."""
