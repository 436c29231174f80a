"""What templates may do in SQL, and how far: the language that is left once all that could hang or leak is gone."""

from __future__ import annotations

import pytest

from runner.errors import BadInput, Place
from runner.sql.jinja import render_template

VALUES = {"v": "it's", "n": 7, "f": 0.5, "b": True, "nothing": None, "l": ("a", "b'c"), "e": ()}
LARGE = ", ".join(f"'{number:06}'" for number in range(5_000))


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("{{ v }}", "it's"), ("{{ v | lit }}", "'it''s'"), ("{{ l | lit }}", "'a', 'b''c'"), ("{{ n | lit }}", "7"),
        ("{{ nothing | lit }}", "null"), ("{{ b | lit }}", "true"), ("{{ e | lit }}", ""), ("{{ 'a.b' | ident }}", "a.b"),
        ("{% if e %}x{% elif n > 5 %}y{% else %}z{% endif %}", "y"),
        ("{% for x in l %}{{ loop.index }}{{ x | upper }}{% if not loop.last %},{% endif %}{% endfor %}", "1A,2B'C"),
        ("{% set x %}{% for a in l %}[{{ a }}]{% endfor %}{% endset %}{{ x }}{{ x }}", "[a][b'c]" * 2),
        ("{% set x = n * 2 + 1 %}{{ x }} {{ 86400 * 1000000 }} {{ n / 2 }} {{ 2 ** 10 }} {{ -n // 2 }}", "15 86400000000 3.5 1024 -4"),
        ("{{ v ~ '-' ~ n }} {{ 'a' + 'b' }} {{ 'ab' * 3 }}", "it's-7 ab ababab"),
        ("{{ l | join(', ') }} {{ l | length }} {{ l | first }} {{ l | last }} {{ v | replace(\"'\", '') }}", "a, b'c 2 a b'c its"),
        ("{{ missing | default('x') }} {{ '3' | int + 1 }} {{ '0.5' | float }} {{ ' a ' | trim }}", "x 4 0.5 a"),
        ("{{ v.upper() }} {{ v.startswith('it') }} {{ 'a b'.split(' ') | join('+') }} {{ v[0] }} {{ l[1] }}", "IT'S True a+b i b'c"),
        ("{% for k, x in {'a': 1, 'b': 2}.items() %}{{ k }}{{ x }}{% endfor %}", "a1b2"),
        ("{% for a, x in [('p', 1), ('q', 2)] %}{{ a }}{{ x }}{% endfor %}{% for y in [v, n] %}{{ y }}{% endfor %}", "p1q2it's7"),
        ("{{ 'a' if b else 'c' }} {{ 'a' in l }} {{ v is defined }} {{ nothing is none }}", "a True True True"),
        ("{# {{ nobody }} #}a\n{%- raw %}{{ b }}{% endraw %}\n", "a{{ b }}\n"),
        (f"{{% for x in [{LARGE}] %}}{{{{ x | lit }}}},{{% endfor %}}", LARGE.replace(", ", ",") + ","),
    ],
)  # fmt: skip
def test_what_templates_may_do(template: str, text: str) -> None:
    """Values, literals, identifiers, if, for, set, arithmetic, a few filters and methods; lists of thousands."""
    assert render_template(template, VALUES, Place()) == text


@pytest.mark.parametrize(
    "template",
    [
        "{{ 'a' * 4000000 }}", "{{ [1] * 400000 }}", "{{ 9 ** 9999999 }}", "{{ 'x'.ljust(9) }}", "{{ '%9d' % n }}", "{{ '{}'.format(n) }}",
        "{{ v.encode() }}", "{{ l.__len__() }}", "{{ v['__class__'] }}", "{{ (l, l) }}", "{{ [l] | length }}", "{{ {'a': v} }}", "{{ loop }}",
        "{{ {'a': 1} }}", "{% for x in l recursive %}{{ loop(x) }}{% endfor %}", "{% for x in l %}{{ loop.cycle }}{% endfor %}",
        "{% filter upper %}a{% endfilter %}", "{% block a %}{% endblock %}", "{{ v | attr('x') }}", "{{ v | pprint }}", "{{ self }}",
        "{% set x = 'a' * 1000 %}{{ x | replace('a', x) | replace('a', x) }}", "{{ missing }}", "{{ missing | lit }}", "{{ l | ident }}",
        "{% for a in 'a' * 1000 %}{% for b in 'a' * 1000 %}{% endfor %}{% endfor %}", "{{ v.replace('i', 'j') }}", "{{ lit }}", "{{ v() }}",
        "{% call x() %}{% endcall %}", "{{ ([1] * 9) | join('x' * 900000) }}", "{{ 1 / 0 }}", "{{ v + n }}", "{{ v.nope }}",
    ],
)  # fmt: skip
def test_what_they_may_not(template: str) -> None:
    """Everything else ends in a message with a line and a hint."""
    with pytest.raises(BadInput) as caught:
        render_template("\n" + template, VALUES, Place())
    (problem,) = caught.value.problems
    assert problem.place.line in (1, 2)
    assert problem.what
    assert problem.hint
