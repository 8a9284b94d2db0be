"""Each command line, given to shoal and to the docker CLI on the same engine, must print and end the same.

Only the name of the program differs, and `:::80` of the tables, as docker printed it until 28, for `[::]:80`.
"""

import re
import shutil
import subprocess
from collections.abc import Iterator

import pytest

from tests.support.engine import EngineProcess, engine_with_busybox
from tests.support.ports import free_port

pytestmark = pytest.mark.skipif(shutil.which("docker") is None, reason="the docker CLI is not installed here")

ALIKE = """
ps
ps -aq
ps -as
ps -n 1 --no-trunc
ps -a --filter exited=3
ps -a --filter exited=x
ps -a --filter status=bogus
ps -a --filter nope=1
ps -a --format {{.Names}}|{{.Image}}|{{.Command}}|{{.State}}|{{.Labels}}|{{.Mounts}}|{{.Networks}}|{{.LocalVolumes}}
ps -a --format table|{{.Names}}\\t{{.Status}}\\t{{.Ports}}\\t{{.Label "k"}}
images
images -q --no-trunc
images --digests
images --format {{.Repository}}:{{.Tag}}|{{.Size}}|{{.VirtualSize}}|{{.Containers}}|{{.UniqueSize}}
images nope
images --filter dangling=x
history busybox
history -H=false busybox
network ls
network ls --format json
network inspect back
network inspect nope
network rm nope web
network create back
network create --subnet 10.77.0.0/25 other
network connect back nope
volume ls
volume ls --format {{.Name}}|{{.Driver}}|{{.Mountpoint}}|{{.Labels}}|{{.Links}}|{{.Size}}
volume inspect data
volume inspect nope
volume rm nope
volume rm data
volume create a|b
system df
system df -v
info --format {{.ServerVersion}}|{{.NCPU}}|{{.Driver}}
version --format {{.Server.Version}}
inspect nope
inspect --type container nope
inspect --type image web
inspect --type volume web
inspect -f {{.State.Running}}|{{.Config.Image}}|{{json|.Config.Labels}} web done
inspect -f {{range|$k,$v:=.Config.Labels}}{{$k}}={{$v}}|{{end}} web
container inspect nope
image inspect nope
image inspect -f {{.RepoTags}}|{{.Config.Cmd}}|{{.RootFS.Layers}} busybox
stats --no-stream --format {{.Container}}|{{.Name}} web
stats --no-stream nope
top web
top done
top nope
port web
port web 80
port web 81
port web 80/udp
port web x
diff web
logs done
logs -n 1 done
logs --until 2020-01-01 done
logs nope
wait done nope
exec web sh -c exit|7
exec web nope
exec -w /nope web true
exec -u nope web true
exec done true
stop nope
kill done
pause done
rm web
rm -f nope
rmi nope
tag nope x
cp web:/nope /tmp/x
cp nope:/x /tmp
run --rm busybox sh -c exit|42
run --rm busybox nope
run --rm busybox /etc
run --pull never --platform linux/arm64 busybox
run --cidfile /etc/hostname busybox
events --since 1h --until 0s --filter container=done
events --since 1h --until 0s --filter nope=x
zzz
ps extra
network create
run
""".strip().splitlines()


@pytest.fixture(scope="module")
def stage() -> Iterator[EngineProcess]:
    """An engine with a container that runs, one that has ended, a network and a volume."""
    with engine_with_busybox() as engine:
        engine.shoal("network", "create", "--label", "k=v", "--subnet", "10.77.0.0/24", "back")
        engine.shoal("volume", "create", "--label", "k=v", "data")
        published = f"{free_port()}:80"
        words = ("--name", "web", "--network", "back", "-p", published, "-v", "data:/data", "-l", "k=v", "-l", "x=y")
        engine.shoal("run", "-d", *words, "busybox", "sleep", "10000")
        engine.shoal("run", "--name", "done", "busybox", "sh", "-c", "echo out; echo err >&2; exit 3", check=False)
        yield engine


@pytest.mark.parametrize("line", ALIKE)
def test_shoal_and_docker_say_the_same(stage: EngineProcess, line: str) -> None:
    words = [word.replace("|", " ") for word in line.split()]
    for _ in range(3):  # "2 seconds ago" may pass between the two
        shoal, docker = stage.shoal(*words, check=False), stage.docker(*words, check=False)
        if said(shoal) == said(docker):
            break
    assert said(shoal) == said(docker)


def said(done: subprocess.CompletedProcess[str]) -> tuple[int, str, str]:
    """Exit status, output and errors, as far as they should be alike."""
    return done.returncode, alike(done.stdout), alike(done.stderr)


def alike(text: str) -> str:
    text = re.sub(r"\b[Dd]ocker\b", "shoal", text).replace("SRun", "Run").replace("See '", "Run '")
    text = text.replace("\nexit status 1\n", "\n").replace(":::", "[::]:")
    text = re.sub(r"(?m)^(shoal: .*)\n\nRun 'shoal run --help' for more information$", r"\1", text)
    return re.sub(r" {2,}", "  ", text)
