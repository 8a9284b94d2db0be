"""One node: Containers, Images, Networks, Volumes, Execs, Builds, Events."""
