"""What servers are to be: from the project as it is read to environments that exist."""
