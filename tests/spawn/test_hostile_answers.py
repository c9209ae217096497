"""Hostile text in an answer is refused before anything is rendered, or ends up as data and nothing else."""

import ast
import html
import json
import re
import shutil
import tomllib
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from copier._main import Worker
from copier._user_data import Question
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from collection import ROOT, files, render
from odd_answers import DESCRIPTION, ODD, PLAIN
from quick_copier import quick_copier

QUESTIONS = {
    name: spec
    for name, spec in yaml.safe_load((ROOT / "copier.yml").read_text(encoding="utf-8")).items()
    if not name.startswith("_")
}
FRAGMENTS = [
    *("{{7*7}}", "{{ _copier_conf }}", "{% raw %}", "{%- include '/etc/passwd' -%}", "{# x #}", "#}", "}}"),
    *("$(touch x)", "`id`", "; rm -rf .", "&& id", "| tee x", "$HOME", "${IFS}", "$$", "%s", "\\", "\\u0022", ">x"),
    *(
        "\n",
        "\r\n",
        "\x85",
        "\u2028",
        "\v",
        "a: b\n- c",
        "&a *a",
        "!!python/object:os.system x",
        " # x",
        "---\n",
        "[",
        "{",
    ),
    *(
        '"',
        "'''",
        '"""',
        "<script>alert(1)</script>",
        "<!--",
        "&lt;",
        "](javascript:x)",
        "![x](y)",
        "|",
        "\n# x",
        "```",
    ),
    *(
        "\u202e",
        "\u2066",
        "\u200b",
        "\u200d",
        "\ufeff",
        "\u3164",
        "\u00a0",
        "\u0430",
        "e\u0301",
        "\ufe0f",
        "\U0001d482",
        "👩‍💻",
        "\uff11",
    ),
    *("\x00", "\x1b[31m", "\x7f", "\ud800", "../../x", "-rf", "--help", "~", "=cmd()", "x" * 300, "a" * 100_000),
]
# What no answer may hold: it means something to Jinja, a shell, make, YAML, TOML, HTML or Markdown.
MEANT = set('{}$`"\\<>&;|*#%^[]\t\n\r')
# Prose is free to say these; the odd description holds each, so that what is rendered from it is judged.
PROSE = set("&;*#%")
INVISIBLE = set("\u115f\u1160\u3164\uffa0")
REFUSALS = (ValueError, TypeError, yaml.YAMLError)


@pytest.fixture(scope="module", autouse=True)
def quick() -> Iterator[None]:
    """Let each question's rules be compiled once."""
    with quick_copier():
        yield


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The collection as a mere folder, which Copier reads without cloning it."""
    source = tmp_path_factory.mktemp("hostile")
    shutil.copy(ROOT / "copier.yml", source)
    shutil.copytree(ROOT / "templates", source / "templates", symlinks=True)
    return source


@pytest.fixture(scope="module")
def asked(source: Path) -> Worker:
    """Copier with this collection's questions asked once and answered with defaults; nothing is rendered."""
    worker = Worker(
        src_path=str(source),
        dst_path=source / "out",
        data={"component": "my-svc"},
        defaults=True,
        quiet=True,
        unsafe=True,
    )
    worker._ask()
    return worker


def judge(worker: Worker, name: str, text: object) -> Any:
    """Return the answer as Copier keeps it, as `--data` gives it; raises one of REFUSALS."""
    spec = worker.template.questions_data[name]
    question = Question(
        answers=worker.answers,
        context=worker._render_context(),
        jinja_env=worker.jinja_env,
        settings=worker.settings,
        var_name=name,
        **spec,
    )
    answer = question.parse_answer(text)
    question.validate_answer(answer)
    return answer


def harmless(text: str, free: set[str]) -> bool:
    """Tell whether a text means nothing to anybody who reads it, and can be seen."""
    seen = all(letter == " " or unicodedata.category(letter)[0] in "LNPSM" for letter in text)
    meant = (MEANT - free) | INVISIBLE
    return seen and not set(text) & meant and len(text) <= 200 and not text.startswith(("-", " "))


def plain(name: str, answer: Any) -> bool:
    """Tell whether an answer is a number, a truth value, harmless text, or a list of such text."""
    free = PROSE if name == "description" else set[str]()
    if isinstance(answer, list):
        return len(answer) <= 16 and all(isinstance(one, str) and harmless(one, free) for one in answer)
    return isinstance(answer, bool | int) or (isinstance(answer, str) and harmless(answer, free))


def hostile(name: str) -> st.SearchStrategy[str]:
    """Texts for one question: fragments alone, and inside and around an answer that would be accepted."""
    good = next((str(ODD[layer][name]) for layer in ODD if name in ODD[layer]), "x")
    fragment = st.sampled_from(FRAGMENTS)
    edge = st.sampled_from(["", good, good[:3], " "])
    return st.one_of(fragment, st.tuples(edge, fragment, edge).map("".join), st.text(max_size=40))


def test_every_question_is_tested() -> None:
    assert {"component", "description", "alb_subnet_cidrs"} <= set(QUESTIONS)
    answered = set().union(*ODD.values())
    free = {name for name, spec in QUESTIONS.items() if spec["type"] in ("str", "yaml") and not spec.get("choices")}
    # what Copier or a condition answers is not for a person, but is judged below like all others
    assert free - {"started", "applied_layer", "environments"} <= answered
    assert all(PLAIN[layer].keys() <= ODD[layer].keys() for layer in ODD)
    assert set(DESCRIPTION) >= PROSE


@pytest.mark.parametrize("name", QUESTIONS)
def test_hostile_text_is_refused_or_harmless(asked: Worker, name: str) -> None:
    for text in FRAGMENTS:
        check(asked, name, text)

    @settings(max_examples=25, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(hostile(name))
    def every(text: str) -> None:
        check(asked, name, text)

    every()


def check(worker: Worker, name: str, text: str) -> None:
    """Fail for a text that is accepted although it means something."""
    try:
        answer = judge(worker, name, text)
    except REFUSALS:
        return
    assert plain(name, answer), (name, text[:80], answer)


@pytest.mark.parametrize("layer", ODD)
def test_the_odd_answers_are_accepted_as_they_are(asked: Worker, layer: str) -> None:
    for name, answer in ODD[layer].items():
        if name != "certificate_arn":  # its region is another answer; rendering below judges it
            assert judge(asked, name, answer) == answer
            assert plain(name, answer)


# ---------------------------------------------------------------- accepted text is data


class Loader(yaml.CSafeLoader):
    """YAML with the short tags of CloudFormation, each kept as its name and its value."""


def tagged(loader: Any, name: str, node: yaml.Node) -> Any:
    """Return what stands behind a short tag."""
    if isinstance(node, yaml.ScalarNode):
        return {name: loader.construct_scalar(node)}
    return {name: loader.construct_sequence(node, deep=True)}


Loader.add_multi_constructor("!", tagged)
PARSERS: dict[str, Callable[[str], Any]] = {
    ".json": json.loads,
    ".yaml": lambda text: list(yaml.load_all(text, Loader)),
    ".yml": lambda text: list(yaml.load_all(text, Loader)),
    ".toml": tomllib.loads,
    ".py": lambda text: ast.dump(ast.parse(text)),
}


def shape(value: Any) -> Any:
    """Return keys, lengths and types of parsed data; only the content of text is left out."""
    if isinstance(value, dict):
        return {str(key): shape(one) for key, one in value.items()}
    if isinstance(value, list):
        return [shape(one) for one in value]
    return type(value).__name__


def shapes(folder: Path) -> dict[str, Any]:
    """Return the shape of every file that a parser reads, and the number of lines of every other one."""
    found: dict[str, Any] = {}
    for name in sorted(files(folder)):
        text = (folder / name).read_text(encoding="utf-8")
        parse = PARSERS.get(Path(name).suffix)
        found[name] = shape(parse(text)) if parse else len(text.splitlines())
    return found


@pytest.mark.parametrize("layer", ODD)
def test_odd_answers_change_the_content_of_text_and_nothing_else(source: Path, tmp_path: Path, layer: str) -> None:
    odd = render(source, tmp_path / "odd", layer=layer, **ODD[layer])
    usual = render(source, tmp_path / "usual", layer=layer, **PLAIN[layer])
    seen, wanted = shapes(odd), shapes(usual)
    assert seen.keys() == wanted.keys()
    assert len(seen) > 10
    for name, one in seen.items():
        assert one == wanted[name], name


def test_the_description_comes_out_as_it_went_in(asked: Worker) -> None:
    context = dict(asked._render_context())

    def written(path: str, description: str) -> str:
        text = (ROOT / "templates/fastapi-service" / path).read_text(encoding="utf-8")
        return str(asked.jinja_env.from_string(text).render(**(context | {"description": description})))

    letters = st.characters(categories=["L", "N"]) | st.sampled_from("_ .,:;!?()'/+&#@=*%-")

    @settings(max_examples=60, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(st.text(letters, min_size=1, max_size=30) | st.just(DESCRIPTION))
    def every(text: str) -> None:
        try:
            judge(asked, "description", text)
        except REFUSALS:
            return
        assert tomllib.loads(written("pyproject.toml.jinja", text))["project"]["description"] == text
        assert json.loads(written("app/service.json.jinja", text))["description"] == text
        readme = written("README.md.jinja", text)
        purpose = next(line for line in readme.splitlines() if line.startswith("Purpose: "))
        assert html.unescape(purpose) == f"Purpose: {text}"

    every()


def test_words_that_yaml_takes_for_something_else_stay_text(asked: Worker) -> None:
    words = [
        "no",
        "on",
        "1.0",
        "null",
        "2024-01-01",
        "0x10",
        "0o17",
        "1_000",
        "1e3",
        "true",
        "x: y",
        "x #y",
        "12:30:45",
    ]
    context = dict(asked._render_context()) | {"catalog": "backstage"}
    answers = context["_copier_answers"]
    for word in words:
        assert judge(asked, "description", word) == word
        owner = word if re.fullmatch(r"[\w.-]+", word) else "team"
        assert judge(asked, "owner", owner) == owner
        more = {
            "description": word,
            "owner": owner,
            "_copier_answers": {**answers, "description": word, "owner": owner},
        }
        read = {}
        for name in ("app/service.json", "catalog-info.yaml", ".copier-answers.yml"):
            text = (ROOT / f"templates/fastapi-service/{name}.jinja").read_text(encoding="utf-8")
            read[name] = next(yaml.safe_load_all(asked.jinja_env.from_string(text).render(**(context | more))))
        assert [read[name]["description"] for name in (".copier-answers.yml", "app/service.json")] == [word, word]
        assert [read[name]["owner"] for name in (".copier-answers.yml", "app/service.json")] == [owner, owner]
        assert read["catalog-info.yaml"]["metadata"]["description"] == word
        assert isinstance(read["catalog-info.yaml"]["spec"]["owner"], str)
