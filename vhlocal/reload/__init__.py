"""From a save to new code answering."""
