"""What the papers claim -> what the runs of a study say of it."""
