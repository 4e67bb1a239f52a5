"""Train a classifier on the digits that scikit-learn ships, and write it to Valohai's outputs."""

import json
import os
import pickle
from pathlib import Path

from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler


def main():
    digits = load_digits()
    train_x, test_x, train_y, test_y = train_test_split(digits.data, digits.target, test_size=0.2, random_state=0)
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    model.fit(train_x, train_y)
    print(json.dumps({"accuracy": model.score(test_x, test_y)}))
    target = Path(os.environ.get("VH_OUTPUTS_DIR", ".")) / "model.pkl"
    target.write_bytes(pickle.dumps(model))


if __name__ == "__main__":
    main()
