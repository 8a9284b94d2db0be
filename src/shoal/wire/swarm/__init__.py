"""Docker's JSON of a cluster: services, tasks, nodes, the swarm itself, secrets and configs.

What Docker's JSON of a service has no key for travels in extra keys, which clients of Docker never send:

TaskTemplate.ContainerSpec.HostConfig         as in POST /containers/create: privileged, devices, shm_size, pid, …
TaskTemplate.ContainerSpec.Config             what else that body has: Domainname, ExposedPorts, MacAddress, …
TaskTemplate.ContainerSpec.NetworkingConfig   as in POST /containers/create: settings of each network
Schedule                                      {"Cron", "Timezone", "Concurrency", "MissedFires"} of a job
DependsOn                                     {service: {"Condition": "service_healthy"}}
EndpointSpec.Ports[].HostIP                   the one address of each node where a port is bound

A key of Docker's wins over the same thing in `HostConfig`.
"""
