"""Whether a longer training changes a method's number."""
