"""How a step is started, locked and recorded."""
