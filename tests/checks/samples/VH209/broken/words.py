WORDS = ["hello"]
