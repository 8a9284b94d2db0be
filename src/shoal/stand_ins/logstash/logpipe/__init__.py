"""logpipe, a stand-in for Logstash: takes events in, changes them, passes them on, as a pipeline file says."""
