"""Write seven.png: a seven of scikit-learn's digits, eight times as large, white on black."""

import numpy
from PIL import Image
from sklearn.datasets import load_digits

digits = load_digits()
seven = digits.images[digits.target == 7][0]  # 8 x 8 pixels with values from 0 to 16
image = Image.fromarray((seven / 16 * 255).astype(numpy.uint8))
image.resize((64, 64), Image.Resampling.NEAREST).save("seven.png", optimize=True)
