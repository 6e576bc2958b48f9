"""Lessons as lectures: `make slides` writes a folder of reveal.js slides for each, which needs no network.

    lecture.py   what the lecturer has beside the slides: minutes, what to say, usual wrong answers, polls
    plan.py      which cells stand on which slide
    vendor.py    reveal.js and MathJax, taken once out of published wheels
    export.py    all of it as one folder; deck/ holds its template, style and script

What is on a slide is the lesson itself: the standard key `slideshow.slide_type` of a cell's metadata says where it
stands, as in every notebook. What the class says stays out of the notebook, because a learner who has the answers
beside the question does not predict: it is in `data/lectures/NN.toml`, under the ids of the cells. The export brings
the two together, so a slide and its lesson cannot drift apart. The figures to touch, which a saved notebook leaves out,
come from `vidlab.live`.

The export is nbconvert's own for reveal.js with a template of ours, not a template alone: nbconvert knows how a
notebook becomes nested slides and how its text, formulas and colours become HTML; what it writes by default loads
seven files from the network and is made for one size of text.
"""
