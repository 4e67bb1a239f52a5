"""The metrics that servers print (K6): read from their lines, and kept as series within a bound. Pure."""

#: What each line of metrics has in it. Every line of every server is looked through for it, and most have it not.
MARK = "vh_metadata"
