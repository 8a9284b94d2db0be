"""Go templates: what `--format` takes."""

from typing import Any

import pytest

from shoal.cli.gotemplate import TemplateError, compile_template
from shoal.cli.listing import Listing

DATA: dict[str, Any] = {
    "ID": "abc",
    "Name": "web",
    "Count": 3,
    "Ratio": 0.5,
    "On": True,
    "Empty": "",
    "Null": None,
    "List": ["a", "b", "c"],
    "Numbers": [1, 2],
    "Labels": {"com.x/y": "1", "app": "counter"},
    "State": {"Running": True, "Health": None, "Log": [{"Out": "ok"}, {"Out": "bad"}]},
    "Label": lambda name: {"app": "counter"}.get(name, ""),
    "Ports": {"80/tcp": [{"HostIp": "0.0.0.0", "HostPort": "8080"}], "90/tcp": None},
}


def render(text: str, data: Any = DATA) -> str:
    return compile_template(text).render(data)


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("plain", "plain"),
        ("{{.ID}}-{{.Name}}", "abc-web"),
        ("{{ .State.Running }}", "true"),
        ("{{.Count}} {{.Ratio}}", "3 0.5"),
        ("{{.List}}", "[a b c]"),
        ("{{.Labels}}", "map[app:counter com.x/y:1]"),
        ("{{json .List}}", '["a","b","c"]'),
        ("{{json .State}}", '{"Running":true,"Health":null,"Log":[{"Out":"ok"},{"Out":"bad"}]}'),
        ('{{index .Labels "com.x/y"}}', "1"),
        ('{{index .List 1}}{{(index .State.Log 1).Out}}', "bbad"),
        ('{{index .Ports "80/tcp" 0 "HostPort"}}', "8080"),
        ('{{(index (index .Ports "80/tcp") 0).HostPort}}', "8080"),
        ('{{.Label "app"}}|{{.Label "none"}}', "counter|"),
        ("{{len .List}} {{len .Name}} {{len .Labels}}", "3 3 2"),
        ('{{join .List ", "}}', "a, b, c"),
        ('{{range split "a:b" ":"}}<{{.}}>{{end}}', "<a><b>"),
        ("{{upper .Name}}{{lower \"ABC\"}}{{title .Name}}", "WEBabcWeb"),
        ('{{.Name | upper | printf "%s!"}}', "WEB!"),
        ('{{printf "%-5s|%5s|%03d|%.2f|%q|%v|%t|%%" .Name .ID .Count .Ratio .Name .List .On}}',
         'web  |  abc|003|0.50|"web"|[a b c]|true|%'),
        ("{{pad .Name 1 2}}|{{truncate .Name 2}}", " web  |we"),
        ("{{println .ID .Count}}", "abc 3\n"),
        ("{{print .Count .Count}}", "3 3"),
        ("{{if .On}}yes{{else}}no{{end}}", "yes"),
        ("{{if .Empty}}a{{else if .Count}}b{{else}}c{{end}}", "b"),
        ("{{if not .Null}}nothing{{end}}", "nothing"),
        ("{{if .State.Health}}{{.State.Health.Status}}{{else}}none{{end}}", "none"),
        ("{{if .State.Missing}}a{{else}}b{{end}}", "b"),
        ("{{if and .On (eq .Count 3) (ne .Name \"x\")}}all{{end}}", "all"),
        ("{{if or .Empty .Null}}a{{else}}b{{end}}", "b"),
        ("{{if eq .Name \"a\" \"web\"}}in{{end}}", "in"),
        ("{{lt 1 2}} {{le 2 2}} {{gt 1 2}} {{ge .Count 4}}", "true true false false"),
        ("{{range .List}}{{.}},{{end}}", "a,b,c,"),
        ("{{range $i, $e := .List}}{{$i}}={{$e}} {{end}}", "0=a 1=b 2=c "),
        ("{{range $k, $v := .Labels}}{{$k}}:{{$v}};{{end}}", "app:counter;com.x/y:1;"),
        ("{{range $p, $c := .Ports}}{{$p}}{{range $c}}->{{.HostPort}}{{end}} {{end}}", "80/tcp->8080 90/tcp "),
        ("{{range .Null}}x{{else}}empty{{end}}", "empty"),
        ("{{range .List}}{{if eq . \"b\"}}{{continue}}{{end}}{{.}}{{end}}", "ac"),
        ("{{range .List}}{{if eq . \"b\"}}{{break}}{{end}}{{.}}{{end}}", "a"),
        ("{{range .List}}{{$.Name}}{{end}}", "webwebweb"),
        ("{{with .State}}{{.Running}}{{end}}{{with .Null}}x{{else}}y{{end}}", "truey"),
        ("{{$x := .Name}}{{$y := len $x}}{{$x}}{{$y}}", "web3"),
        ("{{$s := \"\"}}{{range .List}}{{$s = .}}{{end}}{{$s}}", "c"),
        ("a  {{- .ID -}}  b", "aabcb"),
        ("{{/* nothing */}}x{{- /* no */ -}} y", "xy"),
        ("{{`raw \\n`}}{{\"tab\\t\"}}", "raw \\ntab\t"),
        ("{{\"}}\"}}", "}}"),
        ("{{slice .Name 1 2}}", "e"),
        ("{{.Labels.nothing}}", "<no value>"),
        ("{{.Null}}", "<no value>"),
        ("{{true}} {{nil | json}}", "true null"),
    ],
)  # fmt: skip
def test_renders(template: str, text: str) -> None:
    assert render(template) == text


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("{{.ID", "unclosed action"),
        ("{{if .On}}x", "unexpected EOF"),
        ("{{end}}", "unexpected {{end}}"),
        ("{{nosuch .ID}}", 'function "nosuch" not defined'),
        ("{{.Nothing}}", 'map has no entry for key "Nothing"'),
        ("{{.Name.First}}", "can't evaluate field First in type str"),
        ("{{.Null.First}}", "nil pointer evaluating interface {}.First"),
        ("{{index .List 9}}", "index out of range: 9"),
        ("{{range .Name}}x{{end}}", "range can't iterate over web"),
        ("{{$nope}}", 'undefined variable "$nope"'),
        ("{{.ID | }}", "missing value for command"),
        ("{{(.ID}}", "unclosed left paren"),
        ("{{len}}", "wrong arguments for len"),
        ('{{lt 1 "a"}}', "incompatible types for comparison"),
        ('{{template "x"}}', "not supported"),
    ],
)
def test_mistakes_are_told(template: str, message: str) -> None:
    with pytest.raises(TemplateError) as error:
        render(template)
    assert message in error.value.message


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("{{.ID}} {{.APIVersion}} {{.Status}}", "1 1.51 up"),
        ("{{.Config.Entrypoint}} {{.Config.Labels}} {{.Config.Odd}}", "[] map[] <no value>"),
        ("{{json .Config.Entrypoint}} {{len .Config.Labels}}", "null 0"),
        ('{{index .Config.Labels "x"}}|', "|"),
        ("{{range .Config.Entrypoint}}x{{else}}none{{end}}", "none"),
        ('{{html "<a>" "\'"}} {{urlquery "a b&c"}}', "&lt;a&gt;&#39; a+b%26c"),
    ],
)
def test_fields_as_dockers_own_types_have_them(template: str, text: str) -> None:
    data = {"Id": 1, "ApiVersion": "1.51", "status": "up", "Config": {"Entrypoint": None, "Labels": None, "Odd": None}}
    assert render(template, data) == text


def test_methods_are_not_in_json() -> None:
    assert render("{{json .}}", {"ID": 1, "Label": lambda name: ""}) == '{"ID":1}'


def test_a_column_of_one_label() -> None:
    fields = {"Names": lambda item: "web", "Label": lambda item: lambda name: item[name]}
    listing = Listing(fields, ["Names"], headings={})
    text = listing.formatted([{"com.example.some-name": "x"}], 'table {{.Names}}\t{{.Label "com.example.some-name"}}')
    assert text == "NAMES     some name\nweb       x\n"
