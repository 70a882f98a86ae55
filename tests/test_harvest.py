"""What the drill and the deck read off the built pages."""

import pytest

from lossbook.sphinx.harvest import questions, rebased

PAGE = """<title>Some page &#8212; The Loss Book</title>
<details class="lb-question" id="one">
<summary><span class="lb-asked">What is <em>it</em>?</span><span class="lb-level">core</span></summary><div>
<div class="lb-answer docutils container">
<p>This. <a href="../other/page.html#x">There</a></p><details class="more"><summary>More</summary><div><p>Y</p></div></details>
</div>
<p><a class="lb-link" href="#one">Link to this question</a></p></div></details>
<p>Between.</p>
<details class="lb-question" id="two">
<summary><span class="lb-asked">And?</span><span class="lb-level">hard</span></summary><div>
<div class="lb-answer docutils container">
<p>That.</p>
</div>
<p><a class="lb-link" href="#two">Link to this question</a></p></div></details>
"""


def test_every_question_of_a_page_is_found_whole(tmp_path):
    (tmp_path / "part").mkdir()
    (tmp_path / "part" / "some.html").write_text(PAGE, encoding="utf-8")
    one, two = questions(tmp_path, ["part/some"])
    assert (one.id, one.page, one.part, one.page_title, one.level) == ("one", "part/some", "part", "Some page", "core")
    assert one.question == "What is <em>it</em>?"
    assert one.answer.startswith("<p>This.")
    assert one.answer.endswith("<p>Y</p></div></details>")
    assert (two.id, two.level, two.question, two.answer) == ("two", "hard", "And?", "<p>That.</p>")


def test_a_question_in_another_form_is_not_passed_over(tmp_path):
    (tmp_path / "some.html").write_text(PAGE.replace("lb-asked", "lb-other"), encoding="utf-8")
    with pytest.raises(ValueError, match="some: the question one is not in the form"):
        list(questions(tmp_path, ["some"]))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('href="#here"', 'href="../regression/mse.html#here"'),
        ('href="mae.html"', 'href="../regression/mae.html"'),
        ('href="../glossary.html#term-kink"', 'href="../glossary.html#term-kink"'),
        ('src="../_images/a.png"', 'src="../_images/a.png"'),
        ('href="https://example.org/a?b#c"', 'href="https://example.org/a?b#c"'),
        ('href="../search.html?q=a&amp;r=b"', 'href="../search.html?q=a&amp;r=b"'),
        ('src="data:image/png;base64,AA=="', 'src="data:image/png;base64,AA=="'),
    ],
)
def test_links_count_from_the_new_page(before, after):
    assert rebased(f"<a {before}>", "regression/mse", "practice/drill") == f"<a {after}>"


def test_links_of_a_page_at_the_top():
    moved = '<a href="../index.html#x"><a href="../part/a.html">'
    assert rebased('<a href="#x"><a href="part/a.html">', "index", "practice/drill") == moved
    assert rebased('<a href="../b/c.html">', "a/b", "drill") == '<a href="b/c.html">'
