"""What a deploy does: only what changed, in an order that works; versions of secrets and configs."""

from dataclasses import replace

import pytest

from shoal.compose.to_services.observed import Found, ObservedStack, observed_stack
from shoal.compose.to_services.plan import plan_removal, plan_stack
from shoal.errors import Conflict, NotFound
from tests.support.stacks import after, lines, stack_from

APP = """
services:
  web:
    image: web
    secrets: [key]
    configs: [conf]
    depends_on: {db: {condition: service_healthy, restart: true}}
    deploy: {replicas: 3}
  db: {image: redis, environment: {A: "1"}}
secrets: {key: {file: ./key}}
configs: {conf: {content: one}}
"""


def deployed(text: str = APP, **options: object) -> ObservedStack:
    """The cluster after the first deploy."""
    stack = stack_from(text, **options)  # type: ignore[arg-type]
    return after(ObservedStack(), plan_stack(stack, ObservedStack()))


def test_the_first_deploy_makes_everything_dependencies_first():
    assert lines(plan_stack(stack_from(APP), ObservedStack())) == [
        "create network app_default",
        "create secret app_key",
        "create config app_conf",
        "create service app_db",
        "create service app_web",
    ]


def test_the_second_deploy_of_the_same_file_does_nothing_and_says_what_docker_says():
    steps = plan_stack(stack_from(APP), deployed())
    assert lines(steps) == []
    assert [step.line for step in steps] == [
        "Updating service app_db (id: id-of-app_db)",
        "Updating service app_web (id: id-of-app_web)",
    ]


def test_only_the_change_moves():
    steps = plan_stack(stack_from(APP.replace("replicas: 3", "replicas: 5")), deployed())
    assert lines(steps) == ["update service app_web"]
    assert steps[-1].changes == ("Mode.Replicated.Replicas: 3 -> 5",)
    assert steps[-1].version == 1


def test_what_was_changed_by_hand_is_put_back():
    observed = deployed()
    web = observed.services["app_web"]
    scaled = replace(web, spec={**web.spec, "Mode": {"Replicated": {"Replicas": 9}}})
    steps = plan_stack(stack_from(APP), replace(observed, services={**observed.services, "app_web": scaled}))
    assert [step.changes for step in steps if step.action == "update"] == [("Mode.Replicated.Replicas: 9 -> 3",)]


def test_a_change_of_a_dependency_replaces_the_tasks_of_those_that_restart_with_it():
    steps = plan_stack(stack_from(APP.replace('A: "1"', 'A: "2"')), deployed())
    db, web = [step for step in steps if step.kind == "service"]
    assert db.changes == ("TaskTemplate.ContainerSpec.Env: - A=1", "TaskTemplate.ContainerSpec.Env: + A=2")
    assert web.changes == ("depends_on: app_db changes",)
    assert web.body["TaskTemplate"]["ForceUpdate"] == 1 and db.body["TaskTemplate"]["ForceUpdate"] == 0


def test_an_update_takes_away_what_the_file_does_not_say_any_more():
    text = "services: {a: {image: x, privileged: true, hostname: h}}"
    steps = plan_stack(stack_from("services: {a: {image: x}}"), deployed(text))
    assert steps[-1].changes == (
        "TaskTemplate.ContainerSpec.Hostname: h -> (none)",
        'TaskTemplate.ContainerSpec.HostConfig: {"Privileged": true} -> (none)',
    )
    assert steps[-1].body["TaskTemplate"]["ContainerSpec"]["HostConfig"] == {}
    assert steps[-1].body["DependsOn"] == {} and steps[-1].body["Schedule"] == {}


def test_a_new_content_is_a_new_object_and_the_old_one_stays_for_a_rollback():
    observed = deployed()
    changed = stack_from(APP.replace("content: one", "content: two"), contents={"/srv/app/key": b"new"})
    steps = plan_stack(changed, observed)
    secret, config = (one.versioned_name for one in changed.files)
    assert lines(steps) == [f"create secret {secret}", f"create config {config}", "update service app_web"]
    container = steps[-1].body["TaskTemplate"]["ContainerSpec"]
    assert container["Secrets"][0]["SecretName"] == secret and container["Secrets"][0]["File"]["Name"] == "key"
    second = after(observed, steps)
    assert lines(plan_stack(changed, second)) == []

    third = stack_from(APP.replace("content: one", "content: three"), contents={"/srv/app/key": b"newer"})
    steps = plan_stack(third, second)
    assert lines(steps)[-2:] == ["remove secret app_key", "remove config app_conf"]
    assert f"remove secret {secret}" not in lines(steps), "the service can be rolled back to it"
    assert lines(plan_stack(third, after(second, steps))) == []


def test_going_back_to_an_old_content_uses_the_object_that_is_there():
    changed = stack_from(APP, contents={"/srv/app/key": b"new"})
    second = after(deployed(), plan_stack(changed, deployed()))
    steps = plan_stack(stack_from(APP), second)
    assert lines(steps) == ["update service app_web"]
    assert steps[-1].body["TaskTemplate"]["ContainerSpec"]["Secrets"][0]["SecretID"] == "id-of-app_key"


def test_a_secret_whose_content_nobody_can_tell_gets_a_version():
    """Docker's client made it: it has no digest."""
    theirs = Found(kind="secret", id="s1", name="app_key", spec={"Name": "app_key", "Labels": {}})
    stack = stack_from(APP)
    steps = plan_stack(stack, ObservedStack(secrets={"app_key": theirs}))
    assert lines(steps)[1] == f"create secret {stack.secrets[0].versioned_name}"


def test_labels_of_a_secret_are_updated_in_place():
    text = APP.replace("{file: ./key}", "{file: ./key, labels: {a: b}}")
    steps = plan_stack(stack_from(text), deployed())
    assert lines(steps) == ["update secret app_key"]
    assert "Data" not in steps[0].body


GONE = "services: {db: {image: redis, environment: {A: '1'}, networks: [other]}}\nnetworks: {other: }"


def test_without_prune_what_the_file_lost_stays():
    assert lines(plan_stack(stack_from(GONE), deployed())) == ["create network app_other", "update service app_db"]


def test_prune_takes_all_of_it_away_in_an_order_that_works():
    assert lines(plan_stack(stack_from(GONE), deployed(), prune=True)) == [
        "remove service app_web",
        "create network app_other",
        "update service app_db",
        "remove secret app_key",
        "remove config app_conf",
        "remove network app_default",
    ]


@pytest.mark.parametrize("change", ["internal: true", "ipam: {config: [{subnet: 10.5.0.0/16}]}", "labels: {a: b}"])
def test_a_network_that_would_have_to_change_is_a_conflict_before_anything_is_done(change: str):
    text = "services: {a: {image: x, networks: [n]}}\nnetworks: {n: {}}"
    observed = deployed(text)
    with pytest.raises(Conflict, match="network app_n is there, and networks can't change: "):
        plan_stack(stack_from(text.replace("{n: {}}", f"{{n: {{{change}}}}}")), observed)


def test_external_objects_must_be_there():
    text = "services: {a: {image: x, networks: [n], secrets: [s]}}\n"
    text += "networks: {n: {external: true, name: outer}}\nsecrets: {s: {external: true}}"
    stack = stack_from(text)
    with pytest.raises(NotFound, match='network "outer" is declared as external, but could not be found'):
        plan_stack(stack, ObservedStack())
    networks = [{"Id": "n1", "Name": "outer", "Scope": "local"}]
    with pytest.raises(Conflict, match='not in the right scope: "local" instead of "swarm"'):
        plan_stack(stack, observed_stack((), networks, (), ()))
    networks[0]["Scope"] = "swarm"
    with pytest.raises(NotFound, match="secret not found: s"):
        plan_stack(stack, observed_stack((), networks, (), ()))
    secrets = [{"ID": "s1", "Version": {"Index": 3}, "Spec": {"Name": "s"}}]
    assert lines(plan_stack(stack, observed_stack((), networks, secrets, ()))) == ["create service app_a"]


def test_the_networks_of_the_node_are_always_there():
    text = "services: {a: {image: x, networks: [n]}}\nnetworks: {n: {external: true, name: host}}"
    assert lines(plan_stack(stack_from(text), ObservedStack())) == ["create service app_a"]


JOB = "services: {}\njobs: {j: {image: x, triggers: {manual: true}}}"


def test_how_often_a_job_was_run_by_hand_is_not_the_files():
    observed = deployed(JOB)
    job = observed.services["app_j"]
    mode = {"ReplicatedJob": {"MaxConcurrent": 1, "TotalCompletions": 1}}
    template = {**job.spec["TaskTemplate"], "ForceUpdate": 4}
    ran = replace(job, spec={**job.spec, "Mode": mode, "TaskTemplate": template})
    observed = replace(observed, services={"app_j": ran})
    assert lines(plan_stack(stack_from(JOB), observed)) == []
    step = plan_stack(stack_from(JOB.replace("image: x", "image: y")), observed)[-1]
    assert step.body["Mode"]["ReplicatedJob"]["TotalCompletions"] == 0
    assert step.body["TaskTemplate"]["ForceUpdate"] == 4


def test_networks_of_a_running_service_are_known_by_id():
    stack = stack_from("services: {a: {image: x}}")
    body = stack.services[0].body
    template = {**body["TaskTemplate"], "Networks": [{"Target": "n1", "Aliases": ["a"]}]}
    entry = {"ID": "s1", "Version": {"Index": 7}, "Spec": {**body, "TaskTemplate": template}}
    network = {"Id": "n1", "Name": "app_default", "Driver": "overlay", "Labels": stack.networks[0].body["Labels"]}
    assert lines(plan_stack(stack, observed_stack([entry], [network], (), ()))) == []


def test_removal_is_in_dockers_order_and_leaves_what_is_not_the_stacks():
    observed = deployed()
    other = Found(kind="network", id="x", name="other", spec={"Name": "other"})
    observed = replace(observed, networks={**observed.networks, "other": other})
    assert lines(plan_removal("app", observed)) == [
        "remove service app_db",
        "remove service app_web",
        "remove secret app_key",
        "remove config app_conf",
        "remove network app_default",
    ]
