"""A project as a stack: the bodies of the services, networks, secrets and configs that Docker's API is asked for.

support    what a stack refuses of a file, with the place and the reason
stack      `stack_of`: project -> Stack
service, container, deploy, mounts, files, jobs   the parts of a service's body
observed   what the cluster has of a stack
plan       `plan_stack`: Stack and what is there -> operations in order, nothing where nothing changed
diff       what differs between two bodies, field by field

Docker's own keys are used where it has one; what it has none for travels in the extra keys that `wire.swarm` reads.
"""
