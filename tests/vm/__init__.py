"""Tests in a virtual machine: Debian's own kernel and pure cgroup v2, whatever the machine here has."""
