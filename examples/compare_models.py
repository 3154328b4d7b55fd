"""Compare nine classifiers of handwritten digits, one task per set of hyper-parameters.

The data is the `digits` that scikit-learn ships: 1,797 pictures of 8 x 8 points. Everything that
is drawn by chance is drawn from one seed, so a second run prints the same table.

    python examples/compare_models.py
    legato artifact inspect digits-models
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from sklearn.datasets import load_digits
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_score, train_test_split
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from legato import flow, get_run_logger, task, unmapped
from legato.artifacts import create_table_artifact

if TYPE_CHECKING:
    import numpy as np

SEED = 2013
FOLDS = 3
GRID: list[tuple[str, dict[str, Any]]] = [
    ("forest", {"n_estimators": 20}),
    ("forest", {"n_estimators": 60}),
    ("forest", {"n_estimators": 60, "max_depth": 6}),
    ("logistic", {"C": 0.01}),
    ("logistic", {"C": 0.1}),
    ("logistic", {"C": 1.0}),
    ("svm", {"C": 1.0}),
    ("svm", {"C": 10.0}),
    ("svm", {"C": 10.0, "kernel": "linear"}),
]


class Data(NamedTuple):
    """Pictures and their digits; the test set is looked at once, for the best model."""

    train: np.ndarray
    train_digits: np.ndarray
    test: np.ndarray
    test_digits: np.ndarray


class Score(NamedTuple):
    """How well a model did: the mean and the spread over the folds."""

    model: str
    parameters: dict[str, Any]
    mean: float
    spread: float


def build(model: str, parameters: dict[str, Any]) -> RandomForestClassifier | Pipeline:
    """Make an untrained classifier."""
    if model == "forest":
        return RandomForestClassifier(random_state=SEED, **parameters)
    if model == "logistic":
        return make_pipeline(StandardScaler(), LogisticRegression(max_iter=500, **parameters))
    if model == "svm":
        return make_pipeline(StandardScaler(), SVC(**parameters))
    raise ValueError(f"model {model!r} is none of forest, logistic, svm")


def written(parameters: dict[str, Any]) -> str:
    """Write hyper-parameters as one writes them in a call."""
    return ", ".join(f"{name}={value}" for name, value in parameters.items())


@task
def load() -> Data:
    """Put a quarter of the pictures aside for the test; each digit keeps its share."""
    pictures, digits = load_digits(return_X_y=True)
    train, test, train_digits, test_digits = train_test_split(
        pictures, digits, test_size=0.25, stratify=digits, random_state=SEED
    )
    return Data(train, train_digits, test, test_digits)


@task(task_run_name="score {model} {parameters}")
def score(model: str, parameters: dict[str, Any], data: Data) -> Score:
    """Train and score a model once for each fold."""
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=SEED)
    found = cross_val_score(build(model, parameters), data.train, data.train_digits, cv=folds)
    get_run_logger().info("%s(%s): %.4f", model, written(parameters), found.mean())
    return Score(model, parameters, float(found.mean()), float(found.std()))


@task
def rank(scores: list[Score]) -> list[Score]:
    """Put the best first; equals are in the order of their names."""
    return sorted(scores, key=lambda one: (-round(one.mean, 4), one.model, written(one.parameters)))


@task
def examine(best: Score, data: Data) -> float:
    """Train the best model on all that is not the test, and test it."""
    trained = build(best.model, best.parameters).fit(data.train, data.train_digits)
    return float(trained.score(data.test, data.test_digits))


@task
def report(ranked: list[Score], accuracy: float) -> str:
    """Write the table down, for the terminal and as an artifact."""
    create_table_artifact(
        key="digits-models",
        table=[
            {
                "model": one.model,
                "parameters": written(one.parameters),
                "accuracy": round(one.mean, 4),
                "spread": round(one.spread, 4),
            }
            for one in ranked
        ],
        description=f"Mean accuracy over {FOLDS} folds; the best on the test set: {accuracy:.4f}",
    )
    lines = [f"{'model':<10}{'parameters':<32}{'accuracy':>8}{'spread':>9}"]
    lines += [
        f"{one.model:<10}{written(one.parameters):<32}{one.mean:>8.4f}{one.spread:>9.4f}"
        for one in ranked
    ]
    best = ranked[0]
    lines.append(f"{best.model}({written(best.parameters)}) on the test set: {accuracy:.4f}")
    return "\n".join(lines)


@flow(name="compare-models")
def compare_models() -> str:
    """Score every model of the grid side by side and test the best one."""
    data = load()
    models = [model for model, _ in GRID]
    parameters = [parameters for _, parameters in GRID]
    scores = score.map(models, parameters, unmapped(data)).result()
    ranked = rank(scores)
    return report(ranked, examine(ranked[0], data))


if __name__ == "__main__":
    print(compare_models())
