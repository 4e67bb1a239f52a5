"""What differs between two answers. Pure: nothing is asked, read or written here."""
