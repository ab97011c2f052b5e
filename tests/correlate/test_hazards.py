"""Every kind of change in hazards.toml is shown by its own sample, and by no harmless one."""

import pytest

from nova_timeline import knowledge
from nova_timeline.correlate import hazards
from nova_timeline.correlate.scene import Symptom
from nova_timeline.errors import KnowledgeError
from nova_timeline.knowledge import Hazard

from .changes import change

every_hazard = pytest.mark.parametrize("hazard", knowledge.hazards(), ids=lambda h: h.id)
CALM = """
-	buf := bytes.Buffer{}
+	buf := bytes.Buffer{}
+	buf.Grow(512)
"""
SHAPE = """
[[hazard]]
id = "a"
says = "b"
change = [{ gone = 'x' }]
symptom = ['y']
sample = { diff = "-x", fault = "y" }
"""


def symptom(text: str, *, at_root: bool = True) -> Symptom:
    return Symptom(text, "shop", at_root, 1, 5, is_error=True)


def sample(hazard: Hazard) -> hazards.Shown:
    given = hazard.sample
    files = [given["path"]] if "path" in given else []
    found = hazards.shown(change(given.get("title", "x"), given.get("diff", ""), files))
    return next(s for s in found if s.hazard is hazard)


@every_hazard
def test_its_sample_shows_it_and_breaks_as_it_says(hazard: Hazard) -> None:
    shown = sample(hazard)
    found = hazards.fit(shown, [symptom(hazard.sample["fault"])])
    assert found.share == 1
    assert shown.by
    assert 0 < shown.strength <= 1


@every_hazard
def test_a_calm_change_does_not_show_it(hazard: Hazard) -> None:
    assert hazard not in [s.hazard for s in hazards.shown(change(diff=CALM))]


def test_there_are_enough_and_each_says_what_it_does() -> None:
    assert len(knowledge.hazards()) >= 50
    assert len({h.says for h in knowledge.hazards()}) == len(knowledge.hazards())


def test_a_symptom_further_up_counts_less_and_a_general_one_less_still() -> None:
    [loop] = [h for h in knowledge.hazards() if h.id == "call-in-loop"]
    shown = sample(loop)
    root, above = symptom("queries per request"), symptom("queries per request", at_root=False)
    assert hazards.fit(shown, [above]).share == hazards.ELSEWHERE
    assert hazards.fit(shown, [above, root]).share == 1
    assert hazards.fit(shown, [symptom("latency rose")]).share == hazards.GENERAL
    assert hazards.fit(shown, [symptom("certificate expired")]).symptom is None


def test_a_value_that_hardly_moved_hardly_shows_anything() -> None:
    far, near = (
        hazards.best(change(diff=f"-timeout: 9s\n+timeout: {n}s"), [symptom("timed out")])
        for n in ("1", "8")
    )
    assert far is not None
    assert near is not None
    assert near.shown.strength < 0.2 < far.shown.strength


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("[[hazard]]", "[[hazard", "hazards.toml is not TOML"),
        ("says", "sayz", "unknown key 'sayz'; did you mean 'says'?"),
        ("gone = 'x'", "gon = 'x'", "unknown key of change 'gon'; did you mean 'gone'?"),
        ("gone = 'x'", "setting = 'x'", "setting and moved go together"),
        ("gone = 'x'", "setting = 'x', moved = ['sideways']", "unknown way to move 'sideways'"),
        ("'x'", "'('", "in a pattern"),
        ("symptom = ['y']", "", "symptom is missing"),
    ],
)
def test_a_hazard_that_cannot_be_carried_out_is_told(old: str, new: str, told: str) -> None:
    with pytest.raises(KnowledgeError, match=r"hazards\.toml") as raised:
        knowledge.read_hazards(SHAPE.replace(old, new))
    assert told in str(raised.value)


def test_two_hazards_of_one_name_are_told() -> None:
    with pytest.raises(KnowledgeError, match="'a' is there twice"):
        knowledge.read_hazards(SHAPE + SHAPE)
