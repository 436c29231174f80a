"""A Go template → a Jinja template that renders to the same text, for the variables of one playbook.

Go prints `true`, `<no value>` and `[a b]` where Jinja would print `True`, `None` and `['a', 'b']`: so what is printed is
written out by the kind of value that the playbook gives, which `--var` cannot change (terms.py). What has no counterpart becomes a
tag that Jinja does not know, with the original beside it: `runner check` fails there, and nothing can be run by mistake.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from runner.doors.sqlrunner.gotemplate import Template, Value
from runner.doors.sqlrunner.gotemplate.syntax import nodes
from runner.doors.sqlrunner.migrate.terms import FUNCTIONS, Term, Untranslatable, of_each_kind, printed

UNDONE = "not_translated"
MAX_DEPTH = 20  # templates within templates
_DELIMITER = re.compile(r"\{(?=[{%#])")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_JINJA = {"loop", "not", "and", "or", "in", "is", "if", "else", "true", "false", "none", "True", "False", "None"}


@dataclass(frozen=True)
class Undone:
    """What was not translated, in which line of the original, and why."""

    line: int
    what: str
    why: str


@dataclass(frozen=True)
class Scope:
    """What names mean at a place of the template."""

    dot: Term | None  # None: the variables of the playbook
    variables: Mapping[str, tuple[Term, int]] = field(default_factory=dict)  # each with the loop it was declared in
    loop: int = 0
    depth: int = 0


@dataclass
class Translation:
    """The text, what was not translated, and the environment variables that it reads: name of ours → theirs."""

    text: str = ""
    undone: list[Undone] = field(default_factory=list)
    environment: dict[str, str] = field(default_factory=dict)
    unset: set[str] = field(default_factory=set)  # variables that the playbook does not give


def translate(template: Template, variables: Mapping[str, Value], environment: Mapping[str, str] = {}) -> Translation:
    """The template in Jinja; `environment` are the names that others of its playbook have given already."""
    return _Translator(template, variables, environment).done()


def literal_text(text: str) -> str:
    """Text that Jinja copies as it is."""
    escaped = _DELIMITER.sub('{{ "{" }}', text)
    return escaped[:-1] + '{{ "{" }}' if escaped.endswith("{") else escaped


class _Translator:
    """One template's translation."""

    def __init__(self, template: Template, variables: Mapping[str, Value], environment: Mapping[str, str]) -> None:
        self._template, self._data = template, variables
        self._result = Translation(environment=dict(environment))
        self._used = set(variables) | set(environment) | _JINJA
        self._loops = 0

    def done(self) -> Translation:
        self._result.text = self._list(self._template.root, Scope(None))[0]
        return self._result

    # -- statements ----------------------------------------------------------------------------------------------------

    def _list(self, body: Sequence[nodes.Statement], scope: Scope) -> tuple[str, Scope]:
        """The text of statements, and the scope behind them: variables live until the end of their block."""
        parts = []
        for statement in body:
            try:
                text, scope = self._statement(statement, scope)
            except Untranslatable as hard:
                text = self._undone(statement, hard.why)
            parts.append(text)
        return "".join(parts), scope

    def _undone(self, statement: nodes.Statement, why: str) -> str:
        shown = self._written(statement)
        self._result.undone.append(Undone(statement.line, shown.split("\n")[0][:80], why))
        return "{# " + shown.replace("#}", "# }") + f" #}}{{% {UNDONE} %}}"

    def _written(self, statement: nodes.Statement) -> str:
        """The tag that a statement begins with, as it was written."""
        text = self._template.text
        start = text.rfind("{{", 0, statement.offset + 2)
        end = text.find("}}", statement.offset)
        return text[max(start, 0) : end + 2 if end >= 0 else len(text)]

    def _statement(self, node: nodes.Statement, scope: Scope) -> tuple[str, Scope]:
        if isinstance(node, nodes.Text):
            return literal_text(node.text), scope
        if isinstance(node, (nodes.Comment, nodes.Define)):
            return "", scope
        if isinstance(node, nodes.Action):
            return self._action(node, scope)
        if isinstance(node, nodes.If):
            return self._if(node, scope), scope
        if isinstance(node, nodes.With):
            return self._with(node, scope), scope
        if isinstance(node, nodes.Range):
            return self._range(node, scope), scope
        if isinstance(node, (nodes.TemplateCall, nodes.Block)):
            return self._call(node, scope), scope
        raise Untranslatable(node, "there is no way to leave a loop in Jinja's own language")

    def _action(self, node: nodes.Action, scope: Scope) -> tuple[str, Scope]:
        term = self._pipe(node.pipe, scope)
        if not node.pipe.variables:
            return printed(term, node), scope
        return self._set(node.pipe, term, scope)

    def _set(self, pipe: nodes.Pipe, term: Term, scope: Scope) -> tuple[str, Scope]:
        name = pipe.variables[0].name
        if not pipe.assigns:
            own = self._fresh(name)
            known = {**scope.variables, name: (Term(own, term.examples), scope.loop)}
            return f"{{% set {own} = {term.text} %}}", replace(scope, variables=known)
        target, loop = scope.variables[name]
        if loop != scope.loop:
            raise Untranslatable(pipe, "Jinja does not carry an assignment out of a loop")
        known = {**scope.variables, name: (Term(target.text, (*target.examples, *term.examples)), loop)}
        return f"{{% set {target.text} = {term.text} %}}", replace(scope, variables=known)

    def _fresh(self, name: str) -> str:
        own = name.removeprefix("$")
        own = own if _NAME.fullmatch(own) else "it"
        number = 2
        fresh = own
        while fresh in self._used:
            fresh, number = f"{own}_{number}", number + 1
        self._used.add(fresh)
        return fresh

    def _condition(self, pipe: nodes.Pipe, scope: Scope) -> tuple[str, str, Term, Scope]:
        """(what stands before, the condition, its term, the scope within)."""
        term = self._pipe(pipe, scope)
        if not pipe.variables:
            return "", term.text, term, scope
        before, inner = self._set(pipe, term, scope)
        return before, inner.variables[pipe.variables[0].name][0].text, term, inner

    def _if(self, node: nodes.If, scope: Scope) -> str:
        before, condition, _, inner = self._condition(node.pipe, scope)
        parts = [before, f"{{% if {condition} %}}", self._list(node.body, inner)[0]]
        orelse = node.orelse
        while orelse is not None and len(orelse) == 1 and isinstance(orelse[0], nodes.If):
            before, condition, _, inner = self._condition(orelse[0].pipe, inner)
            if before:
                break
            parts += [f"{{% elif {condition} %}}", self._list(orelse[0].body, inner)[0]]
            orelse = orelse[0].orelse
        if orelse is not None:
            parts += ["{% else %}", self._list(orelse, inner)[0]]
        return "".join([*parts, "{% endif %}"])

    def _with(self, node: nodes.With, scope: Scope) -> str:
        before, condition, term, inner = self._condition(node.pipe, scope)
        dot = Term(condition, term.examples, atom=bool(_NAME.fullmatch(condition)))
        parts = [before, f"{{% if {condition} %}}", self._list(node.body, replace(inner, dot=dot))[0]]
        if node.orelse is not None:
            parts += ["{% else %}", self._list(node.orelse, inner)[0]]
        return "".join([*parts, "{% endif %}"])

    def _range(self, node: nodes.Range, scope: Scope) -> str:
        over = self._pipe(replace(node.pipe, variables=()), scope)
        if not all(isinstance(example, list) or example is None for example in over.examples):
            raise Untranslatable(node, "only a list can be walked through in Jinja as in Go")
        examples = tuple(of_each_kind(item for e in over.examples if isinstance(e, list) for item in e))
        self._loops += 1
        names = [variable.name for variable in node.pipe.variables]
        item = Term(self._fresh(names[-1] if names else "$item"), examples)
        known, index = dict(scope.variables), ""
        if names:
            known[names[-1]] = (item, self._loops)
        if len(names) == 2:
            number = Term(self._fresh(names[0]), (0,))
            known[names[0]] = (number, self._loops)
            index = f"{{% set {number.text} = loop.index0 %}}"
        inner = replace(scope, dot=item, variables=known, loop=self._loops)
        nullable = any(example is None for example in over.examples)
        listed = f"({over.text} or [])" if nullable else over.text
        parts = [f"{{% for {item.text} in {listed} %}}", index, self._list(node.body, inner)[0]]
        if node.orelse is not None:
            parts += ["{% else %}", self._list(node.orelse, scope)[0]]
        return "".join([*parts, "{% endfor %}"])

    def _call(self, node: nodes.TemplateCall | nodes.Block, scope: Scope) -> str:
        """A template called is written where it is called: macros are not a part of the native language."""
        if scope.depth == MAX_DEPTH:
            raise Untranslatable(node, "it calls itself, or is nested too deeply")
        body = self._template.templates.get(node.name)
        if body is None:
            raise Untranslatable(node, f"there is no template {node.name}")
        dot = self._pipe(node.pipe, scope) if node.pipe else Term("none", (None,))
        root = None if node.pipe and scope.dot is None and dot.text == "" else dot
        return self._list(body, Scope(root, {}, scope.loop, scope.depth + 1))[0]

    # -- expressions ---------------------------------------------------------------------------------------------------

    def _pipe(self, pipe: nodes.Pipe, scope: Scope) -> Term:
        term: Term | None = None
        for command in pipe.commands:
            term = self._command(command, scope, term)
        if term is None:
            raise Untranslatable(pipe, "an empty pipeline")
        return term

    def _command(self, command: nodes.Command, scope: Scope, last: Term | None) -> Term:
        first, *rest = command.words
        if not isinstance(first, nodes.Identifier):
            return self._word(first, scope)
        given = [self._word(word, scope) for word in rest] + ([last] if last else [])
        translated = FUNCTIONS.get(first.name)
        if translated is None:
            return self._function(first, rest, command)
        try:
            return translated(given, command)
        except (IndexError, ValueError):
            raise Untranslatable(command, f"{first.name} with these arguments") from None

    def _function(self, name: nodes.Identifier, rest: Sequence[nodes.Expression], command: nodes.Command) -> Term:
        if name.name == "systemEnv" and len(rest) == 1 and isinstance(rest[0], nodes.String):
            return Term(self._environment(rest[0]), ("",))
        hints = {"nowWithFormat": "pass the time: --var today=$(date +%Y_%m_%d)"}
        raise Untranslatable(command, hints.get(name.name, f"{name.name} has no counterpart"))

    def _environment(self, name: nodes.String) -> str:
        """The variable that stands for one of the environment."""
        if not _NAME.fullmatch(name.value):
            raise Untranslatable(name, f"${{{name.value}}} cannot be written in a playbook")
        for ours, theirs in self._result.environment.items():
            if theirs == name.value:
                return ours
        ours = self._fresh(f"env_{name.value.lower()}")
        self._result.environment[ours] = name.value
        return ours

    def _word(self, word: nodes.Expression, scope: Scope) -> Term:
        if isinstance(word, nodes.Pipe):
            return self._pipe(word, scope)
        if isinstance(word, nodes.Dot):
            if scope.dot is None:
                return Term("", ({},))  # the playbook's variables as a whole: good for handing on only
            return scope.dot
        if isinstance(word, nodes.Field):
            return self._field(word, scope)
        if isinstance(word, nodes.Variable):
            return self._variable(word, scope)
        if isinstance(word, nodes.Bool):
            return Term(str(word), (word.value,))
        if isinstance(word, nodes.Nil):
            return Term("none", (None,))
        if isinstance(word, nodes.String):
            return Term(json.dumps(word.value, ensure_ascii=False), (word.value,))
        if isinstance(word, nodes.Number) and isinstance(word.value, (int, float)):
            return Term(repr(word.value), (word.value,), atom=word.value >= 0)
        raise Untranslatable(word, "it is written in a way that Jinja has not")

    def _field(self, word: nodes.Field, scope: Scope) -> Term:
        if scope.dot is not None or len(word.names) > 1:
            raise Untranslatable(word, "variables of a playbook are single values and flat lists")
        return self._named(word.names[0], word)

    def _variable(self, word: nodes.Variable, scope: Scope) -> Term:
        if word.name == "$" and len(word.fields) == 1:
            return self._named(word.fields[0], word)
        if word.fields or word.name not in scope.variables:
            raise Untranslatable(word, "variables of a playbook are single values and flat lists")
        return scope.variables[word.name][0]

    def _named(self, name: str, word: nodes.Node) -> Term:
        if not _NAME.fullmatch(name) or name in _JINJA:
            raise Untranslatable(word, f"{name} cannot be the name of a variable: rename it")
        if name not in self._data:
            self._result.unset.add(name)
        value = self._data.get(name)
        if isinstance(value, dict) or (isinstance(value, list) and any(isinstance(v, (list, dict)) for v in value)):
            raise Untranslatable(word, "variables of a playbook are single values and flat lists")
        return Term(name, (value,))
