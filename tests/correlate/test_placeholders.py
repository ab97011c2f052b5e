"""What came as it was written tells of the change that writes it, and of no other."""

import pytest

from nova_timeline.correlate import diffs, judgements, placeholders

from .changes import record
from .scenes import signal
from .test_timing import ONSET, judged, scene

WRITTEN = '-  "&price=" + amount\n+  "&price={}"\n'.replace("{}", "${AMOUNT}")


@pytest.mark.parametrize(
    ("line", "said", "found"),
    [
        ('+  url += "&p=${PRICE}";', 'parsing "${PRICE}": invalid syntax', "${PRICE}"),
        ('-  url += "&p=${PRICE}";', "GET /w?p=$%7BPRICE%7D: 400", "${PRICE}"),
        ("+  Dear {{ guest.name }},", "mail to {{guest.name}} bounced", "{{guest.name}}"),
        ("+  <a href=%%CLICK_URL%%>", "no such host %%CLICK_URL%%", "%%CLICK_URL%%"),
        ("+  image: $(IMAGE_TAG)", "couldn't parse image $(IMAGE_TAG)", "$(IMAGE_TAG)"),
        ("+  host: <%= db_host %>", "unknown host <%= db_host %>", "<%= db_host %>"),
        ('+  url += "&p=${PRICE}";', 'parsing "${OTHER}": invalid syntax', None),
        ('+  url += "&p=${PRICE}";', "parsing PRICE: invalid syntax", None),
        ("+  GET /users/{id}", "GET /users/{id}: 500", None),
        ('   url += "&p=${PRICE}";\n+  ok();', 'parsing "${PRICE}"', None),
    ],
)
def test_what_was_never_filled_in_is_found_in_the_lines_that_write_it(
    line: str, said: str, found: str | None
) -> None:
    assert placeholders.left(diffs.read(f"{line}\n"), [said]) == found


@pytest.mark.parametrize(("severity", "hit"), [(17, True), (9, False)])
def test_errors_handed_a_placeholder_speak_against_the_change(severity: int, *, hit: bool) -> None:
    fault = signal(90, ONSET, "shop", "fault", severity=severity, count=30,
                   title='bad amount "${AMOUNT}"')  # fmt: skip
    [found] = judged(scene(record(0, 55, "shop", "a", diff=WRITTEN), faults=(fault,)))
    told = [t for t in found.terms if "was handed ${AMOUNT}" in t.text]
    assert [t.weight for t in told] == ([judgements.EXPLAINS] if hit else [])
