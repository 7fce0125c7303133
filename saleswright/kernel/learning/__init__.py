"""Learning from past outcomes: a table with gaps in, a calibrated model with its reasons and its figures out.

It knows no business. `problem` says what is learned from what, `learn` fits and evaluates (scikit-learn, imported only
there), `model` predicts and explains with numpy alone from a model that is plain JSON, `guard` sets columns aside that
tell the outcome, `measures` has the figures, `past` the values that records had at an earlier moment.
"""
