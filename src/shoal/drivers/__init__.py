"""Effects: each class implements a contract and decides nothing."""
