"""Keys that Shoal's clients add to Docker's JSON of a service, where Docker has none.

Docker's own clients never send them and skip them in answers. A service that has none of them is shown without them.

    {"Name": …, "DependsOn": {"<service name>": "service_healthy"},
     "Schedule": {"Cron": "0 3 * * *", "Timezone": "Europe/Paris", "Concurrency": "forbid", "MissedFires": "one"},
     "TaskTemplate": {"ContainerSpec": {"HostConfig": {…}, "Domainname": "lan", "ExposedPorts": {"80/tcp": {}}}},
     "EndpointSpec": {"Ports": [{"TargetPort": 80, "PublishedPort": 8080, "HostIP": "127.0.0.1"}]}}
"""

#: of ServiceSpec: {full name of a service: condition of Compose}; a service that does not exist yet is waited for
DEPENDS_ON = "DependsOn"
#: of ServiceSpec, for a job: when it runs
SCHEDULE = "Schedule"
#: of ContainerSpec: the object of that name of `POST /containers/create`, for what ContainerSpec has no key for.
#: NetworkMode in it ("host", "none", "bridge") takes the place of `Networks`
HOST_CONFIG = "HostConfig"
#: of ContainerSpec, as in `POST /containers/create`
DOMAINNAME = "Domainname"
EXPOSED_PORTS = "ExposedPorts"
#: of a port of EndpointSpec: only on this address of a node
HOST_IP = "HostIP"
