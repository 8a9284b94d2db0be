"""The stand-in for Elasticsearch: requests and settings of newer versions."""

import json
import struct

from shoal.stand_ins.elasticsearch import java17
from shoal.stand_ins.elasticsearch.es_adapter import translate
from shoal.stand_ins.elasticsearch.es_adapter.settings import command, settings


def test_mappings_know_strings_only() -> None:
    body = json.dumps({"mappings": {"t": {"properties": {"a": {"type": "text"}, "b": {"type": "keyword"}}}}}).encode()
    properties = json.loads(translate.body("PUT", "/index", body))["mappings"]["t"]["properties"]
    assert properties == {"a": {"type": "string"}, "b": {"type": "string", "index": "not_analyzed"}}


def test_searches_lose_what_is_new() -> None:
    search = {
        "stored_fields": ["*"],
        "docvalue_fields": ["@timestamp"],
        "highlight": {},
        "query": {"bool": {"must": [{"range": {"@timestamp": {"gte": 1, "format": "epoch_millis"}}}]}},
        "aggs": {"x": {"filters": {"filters": {"a": {"query_string": {"query": "*"}}}}}},
    }
    assert json.loads(translate.body("POST", "/i/_search", json.dumps(search).encode())) == {
        "fielddata_fields": ["@timestamp"],
        "query": {"bool": {"must": [{"range": {"@timestamp": {"gte": 1}}}]}},
        "aggs": {"x": {"filters": {"filters": {"a": {"query": {"query_string": {"query": "*"}}}}}}},
    }


def test_a_multi_search_is_lines() -> None:
    said = b'{"index": "i"}\n{"highlight": {}, "size": 1}\n'
    assert translate.body("POST", "/_msearch", said) == b'{"index": "i"}\n{"size": 1}\n'


def test_what_is_no_json_or_a_document_stays() -> None:
    assert translate.body("POST", "/i/_search", b"nonsense") == b"nonsense"
    document = b'{"type": "keyword"}'
    assert translate.body("PUT", "/i/t/1", document) == document
    assert translate.body("POST", "/_bulk", document) == document


def test_parameters_and_the_version() -> None:
    assert translate.path("/i/_search?size=1&filter_path=hits.*") == "/i/_search?size=1"
    assert translate.path("/_nodes") == "/_nodes"
    assert translate.answer("/", b'{"number" : "1.5.0"}') == b'{"number" : "5.1.1"}'
    assert translate.answer("/i/_search", b'"1.5.0"') == b'"1.5.0"'


def test_field_stats_name_every_field() -> None:
    fields = {"a": {"type": "string", "fields": {"raw": {}}}, "o": {"properties": {"b": {"type": "long"}}}}
    mappings = {"i": {"mappings": {"t": {"properties": fields}}}}
    found = translate.field_stats({}, mappings, by_index=False)["indices"]["_all"]["fields"]
    assert {"a", "a.raw", "o.b", "_id", "_source"} <= set(found)
    assert found["_type"]["aggregatable"] and not found["_id"]["aggregatable"]
    by_index = translate.field_stats({"fields": ["a"]}, mappings, by_index=True)
    assert list(by_index["indices"]["i"]["fields"]) == ["a"]


def test_settings_of_file_and_environment() -> None:
    file = {"cluster": {"name": "x"}, "network.host": "0.0.0.0", "xpack.security.enabled": True}
    env = {"discovery.type": "single-node", "node.name": "n", "HOME": "/", "ELASTIC_PASSWORD": "secret"}
    chosen = settings(file, env)
    assert chosen.kept == {"cluster.name": "x", "node.name": "n"}
    assert chosen.ignored == ("xpack.security.enabled", "ELASTIC_PASSWORD")
    argv = command("/es", 9199, chosen, "-Xmx512m -Dx=y")
    assert [word for word in argv if word.startswith("-Xm")] == ["-Xms256m", "-Xmx512m"]
    assert {"-Des.cluster.name=x", "-Des.http.port=9199", "-Dx=y"} <= set(argv)


def test_a_name_in_a_class_file_is_replaced() -> None:
    def text(value: bytes) -> bytes:
        return struct.pack(">BH", 1, len(value)) + value

    long = struct.pack(">Bq", 5, 7)  # takes two entries of the constant pool
    head = b"\xca\xfe\xba\xbe" + struct.pack(">HH", 0, 50)
    code = head + struct.pack(">H", 5) + long + text(b"getBootClassPath") + text(b"other") + b"rest"
    expected = head + struct.pack(">H", 5) + long + text(b"getSpecName") + text(b"other") + b"rest"
    assert java17.renamed(code) == expected
