"""The stand-in for Logstash: pipeline files, conditions, filters, what Elasticsearch is sent."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from logstash_pipeline_parser import Pipeline as Parser

from shoal.stand_ins.logstash.logpipe import config, filters, outputs
from shoal.stand_ins.logstash.logpipe.codecs import codec_of, decode, encode
from shoal.stand_ins.logstash.logpipe.config import Branch, ConfigError, Pipeline, Plugin
from shoal.stand_ins.logstash.logpipe.event import Event
from shoal.stand_ins.logstash.logpipe.inputs import decorated

NOW = datetime(2026, 3, 7, 8, 9, 10, 123_456, tzinfo=UTC)


def parsed(text: str) -> Pipeline:
    return config.pipeline(Parser(text).parse())


def event(**fields: Any) -> Event:
    return Event(fields, NOW)


def filtered(text: str, **fields: Any) -> Event:
    """An event after the filters in `text`."""
    said = parsed(f"input {{ tcp {{ port => 1 }} }} filter {{ {text} }} output {{ stdout {{ }} }}")
    filters.check(said.filters, filters.FILTERS, "filter")
    found = event(**fields)
    filters.run(said.filters, found, filters.apply)
    return found


def test_settings_keep_their_kinds() -> None:
    said = parsed("""
        input {
          udp { port => 504 host => "10.0.0.1" tags => ["a", "b"] add_field => { "x" => "1" "y" => "2" } codec => json }
        }
        output { elasticsearch { hosts => ["a:9200", "b:9200"] ssl => false } }
    """)
    settings = {
        "port": 504,
        "host": "10.0.0.1",
        "tags": ["a", "b"],
        "add_field": {"x": "1", "y": "2"},
        "codec": "json",
    }
    assert said.inputs == (Plugin("udp", settings),)
    assert said.outputs == (Plugin("elasticsearch", {"hosts": ["a:9200", "b:9200"], "ssl": False}),)


def test_a_branch_keeps_its_ways_in_order() -> None:
    said = parsed("""
        input { tcp { port => 1 } }
        filter { if [a] { drop { } } else if [b] { mutate { } drop { } } else { json { source => "m" } drop { } } }
    """)
    (branch,) = said.filters
    assert isinstance(branch, Branch)
    assert [[step.name for step in then] for _, then in branch.ways] == [["drop"], ["mutate", "drop"], ["json", "drop"]]
    assert [condition is None for condition, _ in branch.ways] == [False, False, True]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("output { stdout { } }", "no input"),
        ("input { if [a] { tcp { port => 1 } } }", "no place among inputs"),
    ],
)
def test_bad_pipelines(text: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        parsed(text)


def test_a_plugin_that_is_not_known_is_named_wherever_it_is() -> None:
    said = parsed("input { tcp { port => 1 } } filter { if [a] { geoip { source => 'x' } } }")
    with pytest.raises(ConfigError, match='no filter plugin "geoip" here: there are date, drop'):
        filters.check(said.filters, filters.FILTERS, "filter")


@pytest.mark.parametrize(
    ("condition", "fields", "holds"),
    [
        ("[a]", {"a": "x"}, True),
        ("[a]", {}, False),
        ("![a]", {}, True),
        ("[a][b] == 'x'", {"a": {"b": "x"}}, True),
        ("[n] > 4", {"n": 5}, True),
        ("[n] > 4", {}, False),
        ("[m] =~ /^[0-9]+$/", {"m": "12"}, True),
        ("[m] !~ /^[0-9]+$/", {"m": "12"}, False),
        ("'x' in [tags]", {"tags": ["x"]}, True),
        ("'x' not in [tags]", {}, True),
        ("[a] in ['p', 'q'] and ([b] or [n] >= 1)", {"a": "q", "n": 1}, True),
        ("[a] in ['p', 'q'] and ([b] or [n] >= 1)", {"a": "q", "n": 0}, False),
    ],
)
def test_conditions(condition: str, fields: dict[str, Any], holds: bool) -> None:
    assert filtered(f"if {condition} {{ drop {{ }} }}", **fields).dropped is holds


def test_grok_takes_a_line_apart() -> None:
    line = '10.1.2.3 - - [10/Oct/2025:13:55:36 +0000] "GET /a?b=c HTTP/1.1" 404 17'
    text = r'grok { match => { "message" => "%{COMMONAPACHELOG}" } add_tag => ["web"] } '
    text += (
        'mutate { convert => { "response" => "integer" } } date { match => ["timestamp", "dd/MMM/yyyy:HH:mm:ss Z"] }'
    )
    found = filtered(text, message=line)
    assert (found.get("clientip"), found.get("verb"), found.get("response")) == ("10.1.2.3", "GET", 404)
    assert found.get("@timestamp") == "2025-10-10T13:55:36.000Z"
    assert found.get("tags") == ["web"]


def test_what_does_not_match_is_tagged_and_not_decorated() -> None:
    found = filtered('grok { match => { "message" => "%{IP:ip}" } add_field => { "x" => "y" } }', message="none")
    assert found.get("tags") == ["_grokparsefailure"]
    assert found.get("x") is None


def test_json_becomes_fields_or_a_tag() -> None:
    assert (
        filtered('json { source => "message" remove_field => ["message"] }', message='{"a": {"b": 1}}').get("[a][b]")
        == 1
    )
    assert filtered('json { source => "message" target => "in" }', message='{"a": 1}').get("[in][a]") == 1
    assert filtered('json { source => "message" }', message="{").get("tags") == ["_jsonparsefailure"]


def test_mutate_changes_fields() -> None:
    text = """mutate {
        rename => { "a" => "[new][a]" } replace => { "b" => "%{c}!" } uppercase => ["c"] split => { "d" => "," }
        gsub => ["e", "[/]", "_"] copy => { "e" => "f" } remove_field => ["g"]
    }"""
    found = filtered(text, a=1, b="old", c="word", d="x,y", e="p/q", g="gone")
    del found.fields["@timestamp"], found.fields["@version"]
    assert found.fields == {"new": {"a": 1}, "b": "word!", "c": "WORD", "d": ["x", "y"], "e": "p_q", "f": "p_q"}


@pytest.mark.parametrize(
    ("form", "text", "time"),
    [
        ("ISO8601", "2025-01-02T03:04:05Z", "2025-01-02T03:04:05.000Z"),
        ("UNIX", "1700000000", "2023-11-14T22:13:20.000Z"),
        ("UNIX_MS", "1700000000500", "2023-11-14T22:13:20.500Z"),
        ("yyyy-MM-dd HH:mm:ss", "2025-01-02 03:04:05", "2025-01-02T03:04:05.000Z"),
    ],
)
def test_dates(form: str, text: str, time: str) -> None:
    assert filtered(f'date {{ match => ["when", "{form}"] }}', when=text).get("@timestamp") == time


def test_texts_with_fields_and_dates() -> None:
    found = event(a={"b": "x"}, n=5)
    assert found.text("%{[a][b]}-%{n}-%{+YYYY.MM.dd}-%{none}") == "x-5-2026.03.07-%{none}"


def test_codecs() -> None:
    assert decode("line", b"hello\r\n") == {"message": "hello"}
    assert decode("json", b'{"a": 1}') == {"a": 1}
    assert decode("json_lines", b"[1]") == {"message": "[1]", "tags": ["_jsonparsefailure"]}
    assert json.loads(encode("json", {"a": 1})) == {"a": 1}
    with pytest.raises(ConfigError, match='no codec "avro"'):
        codec_of({"codec": "avro"}, "line")


def test_inputs_add_what_they_are_told() -> None:
    plugin = Plugin("tcp", {"type": "t", "tags": ["a"], "add_field": {"x": "1"}})
    assert decorated({"message": "m", "tags": ["b"]}, plugin) == {
        "message": "m",
        "tags": ["b", "a"],
        "x": "1",
        "type": "t",
    }


@pytest.mark.parametrize(("major", "typed"), [(5, True), (7, False)])
def test_bulk_requests(major: int, typed: bool) -> None:
    action, source = outputs.bulk([event(message="m")], {"index": "logs-%{+YYYY}"}, major).splitlines()
    assert json.loads(action) == {"index": {"_index": "logs-2026", **({"_type": "logs"} if typed else {})}}
    assert json.loads(source) == {"@timestamp": "2026-03-07T08:09:10.123Z", "@version": "1", "message": "m"}
