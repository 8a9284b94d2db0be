"""The bodies of the requests that make what a project asks for, and the labels by which it is found again."""
