"""How nodes talk: the server on 2377, its client, and the agent's line over it."""
