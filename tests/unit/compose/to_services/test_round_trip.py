"""What a manager shows of a service differs in nothing from what a deploy wants: the second deploy does nothing."""

import pytest

from shoal.compose.to_services.diff import differences
from shoal.wire.swarm.service_spec import decode_service_spec, encode_service_spec, unknown_keys
from tests.support.stacks import stack_from
from tests.unit.compose.to_services.test_keys import FILE, STACK_SAMPLES, WORKING


@pytest.mark.parametrize("key", sorted(set(WORKING) - {"models"}))
def test_every_key_comes_back_as_it_went(key: str):
    image = "" if key == "image" else "image: busybox"
    text = FILE.format(image=image, line=f"{key}: {STACK_SAMPLES[key]}")
    for service in stack_from(text, files={"a.env": "Q=1\n"}).services:
        assert unknown_keys(service.body) == []
        spec = decode_service_spec(service.body)
        for defaults in (False, True):
            assert differences(encode_service_spec(spec, defaults=defaults), service.body) == ()
