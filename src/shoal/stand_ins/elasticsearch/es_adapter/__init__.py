"""Lets clients of Elasticsearch 5.x talk to an Elasticsearch 1.5 that runs beside it in the container."""
