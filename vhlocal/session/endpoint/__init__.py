"""One endpoint's life: its servers, what they say, how newer code is brought in."""
