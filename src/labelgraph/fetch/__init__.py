"""Official files: where they come from, how they get here, how they are unpacked."""
