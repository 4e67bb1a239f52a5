"""Load: requests at times that do not wait for answers, and what the answers' times say."""
