"""What a method costs beside its encoder."""
