"""What two methods or more use."""
