"""Go templates, as `--format` takes them: `{{range .Ports}}{{.PublicPort}} {{end}}`.

`compile_template(text)` parses; the result renders data, which are JSON values; a dict's keys are fields, and
a callable value is a method. Served: fields, variables, pipelines, if/else if/else, range/else, with, break, continue,
trim marks, comments, Go's own functions, and docker's (json, split, join, title, lower, upper, pad, truncate, println).
Not served: define, template, block.
"""

from shoal.cli.gotemplate.evaluate import Template, compile_template
from shoal.cli.gotemplate.parse import TemplateError

__all__ = ["Template", "TemplateError", "compile_template"]
