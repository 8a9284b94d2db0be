"""The table of commands: full name -> where it lives and what it does. Nothing here is imported before it is asked for.

A target is "module:NAME"; NAME is a Command. Modules are below `shoal.cli`.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from shoal.cli.command import Command
    from shoal.cli.flags import Flag

#: {full name: (target, summary)}
COMMANDS: dict[str, tuple[str, str]] = {
    "builder prune": ("system.prune:BUILDER_PRUNE", "Remove build cache"),
    "completion": ("system.completion:COMPLETION", "Print the completion script of a shell"),
    "config create": ("config.commands:CREATE", "Create a config from a file or STDIN"),
    "config inspect": ("config.commands:INSPECT", "Display detailed information on one or more configs"),
    "config ls": ("config.commands:LS", "List configs"),
    "config rm": ("config.commands:RM", "Remove one or more configs"),
    "container attach": ("container.attach:ATTACH", "Attach to the input, output and error of a running container"),
    "container commit": ("container.change:COMMIT", "Create a new image from a container's changes"),
    "container cp": ("container.cp:CP", "Copy files/folders between a container and the local filesystem"),
    "container create": ("container.run:CREATE", "Create a new container"),
    "container diff": ("container.look:DIFF", "Inspect changes to files or directories on a container's filesystem"),
    "container exec": ("container.exec:EXEC", "Execute a command in a running container"),
    "container export": ("container.change:EXPORT", "Export a container's filesystem as a tar archive"),
    "container inspect": ("container.look:INSPECT", "Display detailed information on one or more containers"),
    "container kill": ("container.lifecycle:KILL", "Kill one or more running containers"),
    "container logs": ("container.logs:LOGS", "Fetch the logs of a container"),
    "container ls": ("container.ls:LS", "List containers"),
    "container pause": ("container.lifecycle:PAUSE", "Pause all processes within one or more containers"),
    "container port": ("container.look:PORT", "List port mappings or a specific mapping for the container"),
    "container prune": ("system.prune:CONTAINER_PRUNE", "Remove all stopped containers"),
    "container rename": ("container.change:RENAME", "Rename a container"),
    "container restart": ("container.lifecycle:RESTART", "Restart one or more containers"),
    "container rm": ("container.lifecycle:RM", "Remove one or more containers"),
    "container run": ("container.run:RUN", "Create and run a new container from an image"),
    "container start": ("container.start:START", "Start one or more stopped containers"),
    "container stats": ("container.stats:STATS", "Display a live stream of container(s) resource usage statistics"),
    "container stop": ("container.lifecycle:STOP", "Stop one or more running containers"),
    "container top": ("container.look:TOP", "Display the running processes of a container"),
    "container unpause": ("container.lifecycle:UNPAUSE", "Unpause all processes within one or more containers"),
    "container update": ("container.change:UPDATE", "Update configuration of one or more containers"),
    "container wait": ("container.lifecycle:WAIT", "Wait until containers stop, then print their exit codes"),
    "daemon start": ("system.daemon:START", "Start the engine in the background"),
    "daemon status": ("system.daemon:STATUS", "Show whether the engine runs"),
    "daemon stop": ("system.daemon:STOP", "Stop the engine"),
    "daemon unit": ("system.daemon:UNIT", "Print the systemd unit of the engine"),
    "doctor": ("system.doctor:DOCTOR", "Check what this host lacks for the engine"),
    "image build": ("image.build:BUILD", "Build an image from a Dockerfile"),
    "image history": ("image.look:HISTORY", "Show the history of an image"),
    "image import": ("image.archive:IMPORT", "Import the contents from a tarball to create a filesystem image"),
    "image inspect": ("image.look:INSPECT", "Display detailed information on one or more images"),
    "image load": ("image.archive:LOAD", "Load an image from a tar archive or STDIN"),
    "image ls": ("image.ls:LS", "List images"),
    "image prune": ("system.prune:IMAGE_PRUNE", "Remove unused images"),
    "image pull": ("image.transfer:PULL", "Download an image from a registry"),
    "image push": ("image.transfer:PUSH", "Upload an image to a registry"),
    "image rm": ("image.change:RM", "Remove one or more images"),
    "image save": ("image.archive:SAVE", "Save one or more images to a tar archive (streamed to STDOUT by default)"),
    "image stand-in": ("image.stand_in:STAND_IN", "Make stand-ins for well-known images from recipes"),
    "image tag": ("image.change:TAG", "Create a tag TARGET_IMAGE that refers to SOURCE_IMAGE"),
    "inspect": ("system.inspect:INSPECT", "Return low-level information on objects of the engine"),
    "login": ("system.login:LOGIN", "Authenticate to a registry"),
    "logout": ("system.login:LOGOUT", "Log out from a registry"),
    "network connect": ("network.commands:CONNECT", "Connect a container to a network"),
    "network create": ("network.create:CREATE", "Create a network"),
    "network disconnect": ("network.commands:DISCONNECT", "Disconnect a container from a network"),
    "network inspect": ("network.commands:INSPECT", "Display detailed information on one or more networks"),
    "network ls": ("network.commands:LS", "List networks"),
    "network prune": ("system.prune:NETWORK_PRUNE", "Remove all unused networks"),
    "network rm": ("network.commands:RM", "Remove one or more networks"),
    "node demote": ("node.change:DEMOTE", "Demote one or more nodes from manager in the swarm"),
    "node inspect": ("node.inspect:INSPECT", "Display detailed information on one or more nodes"),
    "node ls": ("node.ls:LS", "List nodes in the swarm"),
    "node promote": ("node.change:PROMOTE", "Promote one or more nodes to manager in the swarm"),
    "node ps": ("node.ps:PS", "List tasks running on one or more nodes, defaults to current node"),
    "node rm": ("node.change:RM", "Remove one or more nodes from the swarm"),
    "node update": ("node.change:UPDATE", "Update a node"),
    "search": ("image.search:SEARCH", "Search a registry for images"),
    "secret create": ("secret.commands:CREATE", "Create a secret from a file or STDIN as content"),
    "secret inspect": ("secret.commands:INSPECT", "Display detailed information on one or more secrets"),
    "secret ls": ("secret.commands:LS", "List secrets"),
    "secret rm": ("secret.commands:RM", "Remove one or more secrets"),
    "service create": ("service.create:CREATE", "Create a new service"),
    "service inspect": ("service.inspect:INSPECT", "Display detailed information on one or more services"),
    "service logs": ("service.logs:LOGS", "Fetch the logs of a service or task"),
    "service ls": ("service.ls:LS", "List services"),
    "service ps": ("service.ps:PS", "List the tasks of one or more services"),
    "service rebalance": ("service.change:REBALANCE", "Spread the tasks of services evenly over the nodes"),
    "service rm": ("service.change:RM", "Remove one or more services"),
    "service rollback": ("service.change:ROLLBACK", "Revert changes to a service's configuration"),
    "service scale": ("service.change:SCALE", "Scale one or multiple replicated services"),
    "service update": ("service.update:UPDATE", "Update a service"),
    "sim": ("system.sim:SIM", "Run a simulated cluster through faults, by seeds"),
    "stack config": ("stack.config:CONFIG", "Outputs the final config file, after doing merges and interpolations"),
    "stack deploy": ("stack.deploy:DEPLOY", "Deploy a new stack or update an existing stack"),
    "stack ls": ("stack.look:LS", "List stacks"),
    "stack plan": ("stack.deploy:PLAN", "Show what a deploy would change, field by field"),
    "stack ps": ("stack.look:PS", "List the tasks in the stack"),
    "stack rm": ("stack.rm:RM", "Remove one or more stacks"),
    "stack run": ("stack.run:RUN", "Start a job of a stack now"),
    "stack services": ("stack.look:SERVICES", "List the services in the stack"),
    "swarm backup": ("swarm.backup:BACKUP", "Write a backup of the swarm to a file"),
    "swarm ca": ("swarm.update:CA", "Display and rotate the root CA"),
    "swarm init": ("swarm.join:INIT", "Initialize a swarm"),
    "swarm join": ("swarm.join:JOIN", "Join a swarm as a node and/or manager"),
    "swarm join-token": ("swarm.tokens:JOIN_TOKEN", "Manage join tokens"),
    "swarm leave": ("swarm.join:LEAVE", "Leave the swarm"),
    "swarm recover": ("swarm.join:RECOVER", "Make this manager the only one, after most were lost for good"),
    "swarm restore": ("swarm.backup:RESTORE", "Make this machine the manager of a swarm that is lost"),
    "swarm unlock": ("swarm.tokens:UNLOCK", "Unlock swarm"),
    "swarm unlock-key": ("swarm.tokens:UNLOCK_KEY", "Manage the unlock key"),
    "swarm update": ("swarm.update:UPDATE", "Update the swarm"),
    "system df": ("system.df:DF", "Show disk usage of the engine"),
    "system events": ("system.events:EVENTS", "Get real time events from the engine"),
    "system info": ("system.info:INFO", "Display system-wide information"),
    "system prune": ("system.prune:SYSTEM_PRUNE", "Remove unused data"),
    "version": ("system.version:VERSION", "Show the version information of client and engine"),
    "volume create": ("volume.commands:CREATE", "Create a volume"),
    "volume inspect": ("volume.commands:INSPECT", "Display detailed information on one or more volumes"),
    "volume ls": ("volume.commands:LS", "List volumes"),
    "volume prune": ("system.prune:VOLUME_PRUNE", "Remove unused local volumes"),
    "volume rm": ("volume.commands:RM", "Remove one or more volumes"),
}  # fmt: skip

#: {compose command: (target, summary)}
COMPOSE: dict[str, tuple[str, str]] = {
    "attach": ("compose.inside:ATTACH", "Attach local standard input, output, and error streams to a service"),
    "build": ("compose.images:BUILD", "Build or rebuild services"),
    "commit": ("compose.inside:COMMIT", "Create a new image from a service container's changes"),
    "config": ("compose.config:CONFIG", "Parse, resolve and render compose file in canonical format"),
    "cp": ("compose.inside:CP", "Copy files/folders between a service container and the local filesystem"),
    "create": ("compose.up:CREATE", "Creates containers for a service"),
    "down": ("compose.down:DOWN", "Stop and remove containers, networks"),
    "events": ("compose.watching:EVENTS", "Receive real time events from containers"),
    "exec": ("compose.inside:EXEC", "Execute a command in a running container"),
    "export": ("compose.inside:EXPORT", "Export a service container's filesystem as a tar archive"),
    "images": ("compose.look:IMAGES", "List images used by the created containers"),
    "kill": ("compose.lifecycle:KILL", "Force stop service containers"),
    "logs": ("compose.logs:LOGS", "View output from containers"),
    "ls": ("compose.look:LS", "List running compose projects"),
    "pause": ("compose.lifecycle:PAUSE", "Pause services"),
    "port": ("compose.look:PORT", "Print the public port for a port binding"),
    "ps": ("compose.ps:PS", "List containers"),
    "pull": ("compose.images:PULL", "Pull service images"),
    "push": ("compose.images:PUSH", "Push service images"),
    "restart": ("compose.lifecycle:RESTART", "Restart service containers"),
    "rm": ("compose.lifecycle:RM", "Removes stopped service containers"),
    "run": ("compose.run:RUN", "Run a one-off command on a service"),
    "scale": ("compose.up:SCALE", "Scale services"),
    "start": ("compose.lifecycle:START", "Start services"),
    "stats": ("compose.inside:STATS", "Display a live stream of container(s) resource usage statistics"),
    "stop": ("compose.lifecycle:STOP", "Stop services"),
    "top": ("compose.look:TOP", "Display the running processes"),
    "unpause": ("compose.lifecycle:UNPAUSE", "Unpause services"),
    "up": ("compose.up:UP", "Create and start containers"),
    "version": ("compose.look:VERSION", "Show the Compose version information"),
    "volumes": ("compose.look:VOLUMES", "List volumes"),
    "wait": ("compose.watching:WAIT", "Block until containers of all (or specified) services stop"),
    "watch": ("compose.watching:WATCH", "Rebuild and refresh containers when files change (not supported yet)"),
}
COMMANDS.update({f"compose {name}": entry for name, entry in COMPOSE.items()})

#: {group: summary}
GROUPS: dict[str, str] = {
    "builder": "Manage builds",
    "compose": "Define and run multi-container applications",
    "config": "Manage Swarm configs",
    "container": "Manage containers",
    "daemon": "Start and stop the engine",
    "image": "Manage images",
    "network": "Manage networks",
    "node": "Manage Swarm nodes",
    "secret": "Manage Swarm secrets",
    "service": "Manage Swarm services",
    "stack": "Manage Swarm stacks",
    "swarm": "Manage Swarm",
    "system": "Manage the engine",
    "volume": "Manage volumes",
}

#: {group: target of the flags that it takes before the command's name}
GROUP_FLAGS: dict[str, str] = {"compose": "compose.flags:FLAGS"}

#: {other name: full name}; short forms of the top level first, then second names within groups
SHORT_FORMS: dict[str, str] = {
    **{
        name.removeprefix("container "): name
        for name in COMMANDS
        if name.startswith("container ") and name not in ("container ls", "container inspect", "container prune")
    },
    **{f"{name}": f"image {name}" for name in ("build", "history", "import", "load", "pull", "push", "save", "tag")},
    "ps": "container ls",
    "images": "image ls",
    "rmi": "image rm",
    "events": "system events",
    "info": "system info",
    "up": "compose up",
    "down": "compose down",
}
ALIASES: dict[str, str] = {
    "container list": "container ls",
    "container ps": "container ls",
    "container remove": "container rm",
    "image list": "image ls",
    "image remove": "image rm",
    "network list": "network ls",
    "network remove": "network rm",
    "config list": "config ls",
    "config remove": "config rm",
    "node list": "node ls",
    "node remove": "node rm",
    "secret list": "secret ls",
    "secret remove": "secret rm",
    "service list": "service ls",
    "service remove": "service rm",
    "stack down": "stack rm",
    "stack list": "stack ls",
    "stack remove": "stack rm",
    "stack up": "stack deploy",
    "volume list": "volume ls",
    "volume remove": "volume rm",
    "builder build": "image build",
}

#: {docker's word that Shoal has no command for: (why, what to do instead)}
NOT_SERVED: dict[str, tuple[str, str]] = {
    "buildx": ("images are built without BuildKit", "shoal build"),
    "context": ("there are no contexts", "-H, SHOAL_HOST or DOCKER_HOST names the engine"),
    "plugin": ("plugins run on their own and are found in /run/docker/plugins", "shoal info lists them"),
}

#: shown first by `shoal --help`
COMMON = ("run", "exec", "ps", "build", "pull", "push", "images", "up", "down", "version", "info", "doctor")


def full_name(words: Sequence[str]) -> str | None:
    """The full name of the command that the first words spell, aliases resolved; None where there is none."""
    for length in (2, 1):
        name = " ".join(words[:length])
        name = SHORT_FORMS.get(name) or ALIASES.get(name) or name
        if len(words) >= length and name in COMMANDS:
            return name
    return None


def summary_of(name: str) -> str:
    """One line about a command or group, by any of its names."""
    if name in GROUPS:
        return GROUPS[name]
    return COMMANDS[SHORT_FORMS.get(name) or ALIASES.get(name) or name][1]


def load_command(name: str) -> Command:
    """The command of this full name; its module is imported now."""
    command: Command = _load(COMMANDS[name][0])
    return command


def load_group_flags(group: str) -> tuple[Flag, ...]:
    """The flags that a group takes before the command's name."""
    flags: tuple[Flag, ...] = tuple(_load(GROUP_FLAGS[group])) if group in GROUP_FLAGS else ()
    return flags


def _load(target: str) -> Any:
    module_name, _, attribute = target.partition(":")
    return getattr(__import__(f"shoal.cli.{module_name}", fromlist=[attribute]), attribute)
