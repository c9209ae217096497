"""Every answer is judged by its question before anything is rendered."""

import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from collection import ROOT, render

QUESTIONS = {
    name: spec
    for name, spec in yaml.safe_load((ROOT / "copier.yml").read_text(encoding="utf-8")).items()
    if not name.startswith("_")
}
HOSTILE = [
    "../x",
    "a'b\"c",
    '"',
    "{{7*7}}",
    "{% raw %}",
    "{# x #}",
    "a\nb",
    "a: b\n- c",
    "&anchor *alias",
    "$(touch x)",
    "`id`",
    "; rm -rf .",
    "<script>alert(1)</script>",
    "a\x00b",
    "\u202eevil",
    "x" * 300,
]
TEXT = [
    name
    for name, spec in QUESTIONS.items()
    if spec["type"] == "str" and not spec.get("choices") and name not in {"started", "applied_layer"}
]
LAYER_OF = {
    "health_path": "k8s",
    "ready_path": "k8s",
    "test_command": "ci",
    "dist_command": "ci",
    "working_directory": "ci",
}


@pytest.fixture(scope="module")
def plain(collection: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The collection as a mere folder: Copier judges answers without cloning it for each of them."""
    folder = tmp_path_factory.mktemp("plain") / "vaultmesh"
    shutil.copytree(collection, folder, symlinks=True, ignore=shutil.ignore_patterns(".git"))
    return folder


def refusal(collection: Path, target: Path, **answers: Any) -> str:
    """Return the sentence with which an answer is refused; nothing may have been written."""
    with pytest.raises(ValueError, match=r"question|Invalid") as caught:
        render(collection, target, **answers)
    assert not target.exists()
    return str(caught.value)


@pytest.mark.parametrize("name", TEXT)
def test_hostile_text_is_refused_with_the_questions_own_sentence(plain: Path, tmp_path: Path, name: str) -> None:
    answers: dict[str, Any] = {"layer": LAYER_OF.get(name, "fastapi-service"), "component": "my-svc"}
    sentence = re.escape(QUESTIONS[name]["validator"].split("-%}")[1].split(".")[0].split("{{")[0].strip()[:24])
    for hostile in HOSTILE:
        message = refusal(plain, tmp_path / "out", **(answers | {name: hostile}))
        if name != "component":
            assert re.search(sentence, message), (hostile, message)
        assert f"'{name}'" in message, (hostile, message)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("component", "-a"),
        ("component", "a-"),
        ("component", "1a"),
        ("component", "A"),
        ("component", "a" * 41),
        ("component", "a.b"),
        ("component", "a\n"),
        ("version", "1.0"),
        ("version", "01.0.0"),
        ("version", "1.0.0-foo"),
        ("version", "1.0.0+build"),
        ("port", 80),
        ("port", 65536),
        ("overlays", []),
        ("overlays", ["nowhere"]),
        ("cloud", "gke"),
        ("ci", "jenkins"),
        ("domain", "localhost"),
        ("certificate_arn", "arn:aws:acm:us-east-1:123456789012:certificate/12345678-1234-1234-1234-123456789012"),
        ("alb_subnet_cidrs", []),
        ("alb_subnet_cidrs", ["10.0.0.0/33"]),
        ("alb_subnet_cidrs", ["10.0.0.0/8", "x"]),
        ("alb_subnet_cidrs", "10.0.0.0/8"),
        ("alb_subnet_cidrs", ["0.0.0.0/0"]),
        ("alb_subnet_cidrs", ["10.0.0.1/16"]),
        ("alb_subnet_cidrs", ["10.0.0.0/16", "192.168.32.0/18"]),
        ("public_host", "orders"),
        ("public_host", "Orders.example.com"),
        ("registry", "Registry.example.com"),
        ("base_image_prefix", "mirror.example.com"),
        ("layer", "aurora"),
    ],
)
def test_near_misses_are_refused(plain: Path, tmp_path: Path, name: str, value: Any) -> None:
    assert f"'{name}'" in refusal(plain, tmp_path / "out", **({"component": "my-svc"} | {name: value}))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("component", "a"),
        ("component", "a" * 40),
        ("version", "1.2.3-rc.1"),
        ("description", "Ça c'est l'API (v2), 100/100!"),
        ("description", "Takes orders & sends bills; 100 % of them, #1 in *every* region"),
        ("owner", "@org/platform.team"),
        ("domain", "a.b.example.org"),
        ("certificate_arn", "arn:aws:acm:eu-west-1:123456789012:certificate/12345678-1234-1234-1234-123456789012"),
        ("registry", "registry.example.com:5000/team/images"),
        ("base_image_prefix", "mirror.example.com/library/"),
        ("alb_subnet_cidrs", ["10.0.0.0/16", "10.1.0.0/16"]),
        ("port", 1024),
    ],
)
def test_good_answers_are_kept(collection: Path, tmp_path: Path, name: str, value: Any) -> None:
    target = render(collection, tmp_path / "out", **({"component": "my-svc"} | {name: value}))
    answers = yaml.safe_load((target / ".copier-answers.yml").read_text(encoding="utf-8"))
    assert answers[name] == value


def test_each_refusal_fits_on_a_terminal_of_80_columns() -> None:
    for name, spec in QUESTIONS.items():
        for sentence in re.findall(
            r"(?:%}|^)\s*([A-Z][^{}]*(?:{{ aws_region }}[^{}]*)?\.)\s*(?:{%|$)", spec.get("validator", "")
        ):
            assert len(sentence.replace("{{ aws_region }}", "ap-southeast-1")) <= 80, (name, sentence)


def test_a_terminal_shows_eight_questions_at_most() -> None:
    for layer in ("fastapi-service", "k8s", "ci"):
        shown = [
            name
            for name, spec in QUESTIONS.items()
            if spec.get("ask", True) is True and applies(spec.get("when", True), layer)
        ]
        assert len(shown) <= 8, (layer, shown)
        assert {"cloud", "registry", "domain"} & set(shown) == (
            {"registry"} if layer == "ci" else {"cloud", "registry", "domain"}
        )


def applies(when: Any, layer: str) -> bool:
    if isinstance(when, bool):
        return when
    return bool(re.search(rf"layer (== '{layer}'|!= '(?!{layer}))", when))


def test_every_question_has_help_and_a_default() -> None:
    for name, spec in QUESTIONS.items():
        if spec.get("when") is False:
            continue
        assert spec["help"].strip(), name
        assert "default" in spec, name


def test_the_component_defaults_to_the_folder(collection: Path, tmp_path: Path) -> None:
    for folder, expected in [("Orders_API", "orders-api"), ("2fast", "fast"), ("---", "my-svc"), ("x" * 60, "x" * 40)]:
        target = render(collection, tmp_path / folder)
        answers = yaml.safe_load((target / ".copier-answers.yml").read_text(encoding="utf-8"))
        assert answers["component"] == expected


def test_no_file_but_the_answers_depends_on_the_tags_of_a_clone() -> None:
    """`drift` renders a commit by its hash and expects the bytes that were rendered by its tag (ADR-039)."""
    named = re.compile(r"_copier_answers\._commit|_copier_conf\.vcs_ref\b|_version_(?:from|to)|_copier_conf\.commit")
    templates = [path for path in (ROOT / "templates").rglob("*.jinja") if path.is_file()]
    assert len(templates) > 50
    assert [path.name for path in templates if named.search(path.read_text("utf-8"))] == []
    rules = (ROOT / "templates/fastapi-service/.amazonq/rules/vaultmesh.md.jinja").read_text("utf-8")
    assert "include 'plugins/remembrancer/src/remembrancer/__init__.py'" in rules
