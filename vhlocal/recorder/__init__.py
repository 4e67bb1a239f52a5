"""The last requests and answers, and the forms in which others read them."""
