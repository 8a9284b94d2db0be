"""Names as one container sees them, and the packets that carry them."""

from dnslib import EDNS0, DNSRecord
from hypothesis import given
from hypothesis import strategies as st

from shoal.lifecycle.network.dns import (
    AAAA,
    NXDOMAIN,
    PTR,
    A,
    encode_answer,
    encode_query,
    is_truncated,
    parse_question,
    truncate,
)
from shoal.lifecycle.network.names import Asker, Entry, Found, Names, endpoint_names, parse_reverse


def entry(network: str, *names: str, ipv4: str = "", ipv6: str = "") -> Entry:
    return Entry(network_id=network, network_name=f"{network}-net", names=names, ipv4=ipv4, ipv6=ipv6)


def two_networks() -> Names:
    names = Names()
    names.put("c1", [entry("one", "web", "site", ipv4="10.1.0.2", ipv6="fd00::2")])
    names.put("c2", [entry("one", "db", ipv4="10.1.0.3"), entry("two", "db", ipv4="10.2.0.3")])
    return names


def test_first_network_first() -> None:
    names = two_networks()
    assert names.find(Asker(networks=("two", "one")), "db") == Found(("10.2.0.3",), ())
    assert names.find(Asker(networks=("one", "two")), "DB.") == Found(("10.1.0.3",), ())
    assert names.find(Asker(networks=("one", "two")), "db.two-net") == Found(("10.2.0.3",), ())
    assert names.find(Asker(networks=("two",)), "web") is None
    assert names.find(Asker(), "db") is None


def test_turns() -> None:
    names = Names()
    for i in range(3):
        names.put(f"c{i}", [entry("one", f"c{i}", "web", ipv4=f"10.1.0.{i}")])
    asker = Asker(networks=("one",))
    found = [names.find(asker, "web") for _ in range(3)]
    assert {f.ipv4[0] for f in found if f} == {"10.1.0.0", "10.1.0.1", "10.1.0.2"}
    names.drop("c1")
    last = names.find(asker, "web")
    assert last is not None and sorted(last.ipv4) == ["10.1.0.0", "10.1.0.2"]
    assert names.find(asker, "c1") is None


def test_links_belong_to_the_asker() -> None:
    names = two_networks()
    asker = Asker(networks=("two",), links={"store": ("two", "c2")})
    assert names.find(asker, "store") == Found(("10.2.0.3",), ())
    assert names.find(Asker(networks=("two",)), "store") is None
    names.drop("c2")
    assert names.find(asker, "store") is None


def test_reverse() -> None:
    names = two_networks()
    asker = Asker(networks=("one",))
    assert names.reverse(asker, "2.0.1.10.in-addr.arpa") == "web.one-net"
    assert names.reverse(asker, "3.0.2.10.in-addr.arpa") is None
    v6 = ".".join(reversed("fd000000000000000000000000000002")) + ".ip6.arpa."
    assert names.reverse(asker, v6) == "web.one-net"
    assert parse_reverse("x.in-addr.arpa") == "" == parse_reverse("example.org")


def test_put_replaces_and_the_last_drop_leaves_nothing() -> None:
    names = two_networks()
    names.put("c1", [entry("one", "other", ipv4="10.1.0.9")])
    asker = Asker(networks=("one", "two"))
    assert names.find(asker, "web") is None
    assert names.reverse(asker, "2.0.1.10.in-addr.arpa") is None
    for container in ("c1", "c2", "c2", "never"):
        names.drop(container)
    assert not names._by_name and not names._by_address


def test_all_names_of_an_endpoint_once() -> None:
    assert endpoint_names("web", ("site", "web", ""), "0123456789abcdef", "0123456789ab") == (
        "web",
        "site",
        "0123456789ab",
    )


LABEL = st.text("abcdefghijklmnopqrstuvwxyz0123456789-_", min_size=1, max_size=20)


@given(st.lists(LABEL, min_size=1, max_size=5), st.sampled_from([A, AAAA, PTR]), st.integers(0, 65535))
def test_questions_read_back(labels: list[str], kind: int, id: int) -> None:
    name = ".".join(labels)
    question = parse_question(encode_query(id, name, kind))
    assert question is not None
    assert (question.id, question.name, question.type, question.udp_bytes) == (id, name, kind, 512)


def test_answers_are_what_an_independent_parser_reads() -> None:
    packet = DNSRecord.question("web.app", "A").pack()
    question = parse_question(packet)
    assert question is not None
    answer = DNSRecord.parse(encode_answer(packet, question, ["10.1.0.2", "10.1.0.3"]))
    assert [str(r.rdata) for r in answer.rr] == ["10.1.0.2", "10.1.0.3"]
    assert str(answer.q.qname) == "web.app." and answer.header.id == question.id and answer.header.qr
    none = DNSRecord.parse(encode_answer(packet, question, code=NXDOMAIN))
    assert none.header.rcode == NXDOMAIN and none.rr == []
    packet = DNSRecord.question("2.0.1.10.in-addr.arpa", "PTR").pack()
    question = parse_question(packet)
    assert question is not None
    assert str(DNSRecord.parse(encode_answer(packet, question, ptr="web.app")).rr[0].rdata) == "web.app."


def test_long_answers_are_cut_unless_the_asker_takes_them() -> None:
    addresses = [f"10.1.0.{i}" for i in range(60)]
    plain = DNSRecord.question("web", "A")
    question = parse_question(plain.pack())
    assert question is not None
    cut = truncate(encode_answer(plain.pack(), question, addresses), question)
    assert len(cut) <= 512 and is_truncated(cut) and DNSRecord.parse(cut).rr == []
    plain.add_ar(EDNS0(udp_len=4096))
    question = parse_question(plain.pack())
    assert question is not None and question.udp_bytes == 4096
    assert not is_truncated(truncate(encode_answer(plain.pack(), question, addresses), question))


@given(st.binary(max_size=80))
def test_noise_is_no_question_and_no_crash(packet: bytes) -> None:
    question = parse_question(packet)
    if question is not None:
        encode_answer(packet, question, ["10.0.0.1"])
