"""Prometheus' text format."""

from shoal.wire.metrics.exposition import Family, Sample, counter, gauge, joined, label_text, page


def test_a_page_of_families():
    families = [
        gauge("a", "What a is", 1.5),
        Family("b_total", "counter", "Two\nlines \\", [Sample('x="1"', 2), Sample('x="2"', 3)]),
        Family("c", "histogram", "C", [Sample('le="+Inf"', 4, "_bucket"), Sample("", 0.25, "_sum")]),
    ]
    assert page(families) == (
        "# HELP a What a is\n# TYPE a gauge\na 1.5\n"
        '# HELP b_total Two\\nlines \\\\\n# TYPE b_total counter\nb_total{x="1"} 2\nb_total{x="2"} 3\n'
        '# HELP c C\n# TYPE c histogram\nc_bucket{le="+Inf"} 4\nc_sum 0.25\n'
    )


def test_families_without_values_are_left_out():
    assert page([Family("a", "gauge", "A"), counter("b_total", "B", 0)]) == (
        "# HELP b_total B\n# TYPE b_total counter\nb_total 0\n"
    )
    assert page([]) == ""


def test_labels_are_escaped_and_empty_ones_left_out():
    assert label_text({"a": 'say "hi"', "b": "", "c": "back\\slash", "d": "two\nlines"}) == (
        'a="say \\"hi\\"",c="back\\\\slash",d="two\\nlines"'
    )
    assert joined('a="1"', "", 'b="2"') == 'a="1",b="2"'
