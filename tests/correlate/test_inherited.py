"""A block that sets one header of its own takes over none of those set around it."""

import pytest

from nova_timeline.correlate import diffs

SITE = """ server {
     proxy_set_header Host $host;
     proxy_set_header X-Real-IP $remote_addr;
     location /shop/ {
%s         proxy_pass http://shop;
     }
     location /mail/ {
         proxy_pass http://mail;
     }
 }
"""
OWN = "proxy_set_header X-Shop 1;"


def site(lines: str) -> str | None:
    return diffs.read(SITE % lines).cut_off


def test_the_first_header_of_a_block_cuts_off_those_around_it() -> None:
    assert site(f"+        {OWN}\n") == OWN


@pytest.mark.parametrize(
    "lines",
    [
        "",
        f"-        {OWN}\n",
        f"         proxy_set_header Host shop;\n+        {OWN}\n",
        f"-        proxy_set_header X-Shop 2;\n+        {OWN}\n",
        "+        proxy_read_timeout 5s;\n",
        "+        add_header X-Shop 1;\n",
        "+        proxy_set_header Host $host;\n+        proxy_set_header X-Real-IP $x;\n",
    ],
)
def test_what_sets_all_anew_or_had_cut_them_off_already_changes_nothing(lines: str) -> None:
    assert site(lines) is None


def test_what_is_set_in_a_block_beside_it_is_not_around_it() -> None:
    text = (
        f" location /a/ {{\n     proxy_set_header Host a;\n }}\n location /b/ {{\n+    {OWN}\n }}\n"
    )
    assert diffs.read(text).cut_off is None
    unseen = f"     proxy_set_header Host a;\n }}\n location /b/ {{\n+    {OWN}\n }}\n"
    assert diffs.read(unseen).cut_off is None
