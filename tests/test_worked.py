"""Examples that were worked by hand, and those of four courses.

By hand means: line by line in the order of the page, each result rounded half-up to 4 decimals before the next line
uses it, without `calc`. A result that has no more than 4 decimals is written as it is, e.g. 0.345 or 1.
"""

import hashlib
import json
import tomllib
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from proofreader import proofread
from referee import recompute, slopes_by_side
from test_operations import compare_digits

import calc

ROOT = Path(__file__).parent.parent
Record = Callable[[str, object], None]
Shown = dict[str, str]
Table = dict[str, Any]

# Small changes: 2-2-2, sigmoid, half squared error -------------------------------------------------------------------

SMALL: Table = {
    "learning_rate": "0.5",
    "layers": [
        {"activation": "sigmoid", "weights": [["0.15", "0.20"], ["0.25", "0.30"]], "biases": ["0.35", "0.35"]},
        {"activation": "sigmoid", "weights": [["0.40", "0.45"], ["0.50", "0.55"]], "biases": ["0.60", "0.60"]},
    ],
    "samples": [{"inputs": ["0.05", "0.10"], "targets": ["0.01", "0.99"]}],
}

SMALL_CHAIN: Shown = {
    # forward pass
    "z1_1": "0.3775",  # 0.15 × 0.05 + 0.20 × 0.10 + 0.35
    "a1_1": "0.5933",  # σ(0.3775)
    "z1_2": "0.3925",  # 0.25 × 0.05 + 0.30 × 0.10 + 0.35
    "a1_2": "0.5969",  # σ(0.3925)
    "z2_1": "1.1059",  # 0.40 × 0.5933 + 0.45 × 0.5969 + 0.60
    "a2_1": "0.7514",  # σ(1.1059)
    "z2_2": "1.2249",  # 0.50 × 0.5933 + 0.55 × 0.5969 + 0.60
    "a2_2": "0.7729",  # σ(1.2249)
    # error
    "E_1": "0.2748",  # ½ × (0.01 - 0.7514)²
    "E_2": "0.0236",  # ½ × (0.99 - 0.7729)²
    "E": "0.2984",  # 0.2748 + 0.0236
    # backward pass, output layer
    "dE/da2_1": "0.7414",  # 0.7514 - 0.01
    "da2_1/dz2_1": "0.1868",  # 0.7514 × (1 - 0.7514)
    "dz2_1/dw2_1_1": "0.5933",  # a1_1
    "dE/dw2_1_1": "0.0822",  # 0.7414 × 0.1868 × 0.5933
    "dz2_1/dw2_1_2": "0.5969",  # a1_2
    "dE/dw2_1_2": "0.0827",  # 0.7414 × 0.1868 × 0.5969
    "dz2_1/db2_1": "1",
    "dE/db2_1": "0.1385",  # 0.7414 × 0.1868 × 1
    "dE/da2_2": "-0.2171",  # 0.7729 - 0.99
    "da2_2/dz2_2": "0.1755",  # 0.7729 × (1 - 0.7729)
    "dz2_2/dw2_2_1": "0.5933",  # a1_1
    "dE/dw2_2_1": "-0.0226",  # -0.2171 × 0.1755 × 0.5933
    "dz2_2/dw2_2_2": "0.5969",  # a1_2
    "dE/dw2_2_2": "-0.0227",  # -0.2171 × 0.1755 × 0.5969
    "dz2_2/db2_2": "1",
    "dE/db2_2": "-0.0381",  # -0.2171 × 0.1755 × 1
    # hidden layer: the sum over two paths
    "dz2_1/da1_1": "0.4",  # w2_1_1
    "dE/da1_1|z2_1": "0.0554",  # 0.7414 × 0.1868 × 0.4
    "dz2_2/da1_1": "0.5",  # w2_2_1
    "dE/da1_1|z2_2": "-0.0191",  # -0.2171 × 0.1755 × 0.5
    "dE/da1_1": "0.0363",  # 0.0554 + (-0.0191)
    "da1_1/dz1_1": "0.2413",  # 0.5933 × (1 - 0.5933)
    "dz1_1/dw1_1_1": "0.05",  # x_1
    "dE/dw1_1_1": "0.0004",  # 0.0363 × 0.2413 × 0.05
    "dz1_1/dw1_1_2": "0.1",  # x_2
    "dE/dw1_1_2": "0.0009",  # 0.0363 × 0.2413 × 0.1
    "dz1_1/db1_1": "1",
    "dE/db1_1": "0.0088",  # 0.0363 × 0.2413 × 1
    "dz2_1/da1_2": "0.45",  # w2_1_2
    "dE/da1_2|z2_1": "0.0623",  # 0.7414 × 0.1868 × 0.45
    "dz2_2/da1_2": "0.55",  # w2_2_2
    "dE/da1_2|z2_2": "-0.0210",  # -0.2171 × 0.1755 × 0.55
    "dE/da1_2": "0.0413",  # 0.0623 + (-0.0210)
    "da1_2/dz1_2": "0.2406",  # 0.5969 × (1 - 0.5969)
    "dz1_2/dw1_2_1": "0.05",  # x_1
    "dE/dw1_2_1": "0.0005",  # 0.0413 × 0.2406 × 0.05
    "dz1_2/dw1_2_2": "0.1",  # x_2
    "dE/dw1_2_2": "0.0010",  # 0.0413 × 0.2406 × 0.1
    "dz1_2/db1_2": "1",
    "dE/db1_2": "0.0099",  # 0.0413 × 0.2406 × 1
    # update
    "Dw1_1_1": "-0.0002",  # -0.5 × 0.0004
    "w1_1_1'": "0.1498",  # 0.15 + (-0.0002)
    "Dw1_1_2": "-0.0005",  # -0.5 × 0.0009
    "w1_1_2'": "0.1995",  # 0.20 + (-0.0005)
    "Db1_1": "-0.0044",  # -0.5 × 0.0088
    "b1_1'": "0.3456",  # 0.35 + (-0.0044)
    "Dw1_2_1": "-0.0003",  # -0.5 × 0.0005
    "w1_2_1'": "0.2497",  # 0.25 + (-0.0003)
    "Dw1_2_2": "-0.0005",  # -0.5 × 0.0010
    "w1_2_2'": "0.2995",  # 0.30 + (-0.0005)
    "Db1_2": "-0.0050",  # -0.5 × 0.0099
    "b1_2'": "0.345",  # 0.35 + (-0.0050)
    "Dw2_1_1": "-0.0411",  # -0.5 × 0.0822
    "w2_1_1'": "0.3589",  # 0.40 + (-0.0411)
    "Dw2_1_2": "-0.0414",  # -0.5 × 0.0827
    "w2_1_2'": "0.4086",  # 0.45 + (-0.0414)
    "Db2_1": "-0.0693",  # -0.5 × 0.1385
    "b2_1'": "0.5307",  # 0.60 + (-0.0693)
    "Dw2_2_1": "0.0113",  # -0.5 × (-0.0226)
    "w2_2_1'": "0.5113",  # 0.50 + 0.0113
    "Dw2_2_2": "0.0114",  # -0.5 × (-0.0227)
    "w2_2_2'": "0.5614",  # 0.55 + 0.0114
    "Db2_2": "0.0191",  # -0.5 × (-0.0381)
    "b2_2'": "0.6191",  # 0.60 + 0.0191
    # new forward pass
    "z1_1'": "0.3730",  # 0.1498 × 0.05 + 0.1995 × 0.10 + 0.3456
    "a1_1'": "0.5922",  # σ(0.3730)
    "z1_2'": "0.3874",  # 0.2497 × 0.05 + 0.2995 × 0.10 + 0.345
    "a1_2'": "0.5957",  # σ(0.3874)
    "z2_1'": "0.9866",  # 0.3589 × 0.5922 + 0.4086 × 0.5957 + 0.5307
    "a2_1'": "0.7284",  # σ(0.9866)
    "z2_2'": "1.2563",  # 0.5113 × 0.5922 + 0.5614 × 0.5957 + 0.6191
    "a2_2'": "0.7784",  # σ(1.2563)
    # new error
    "E_1'": "0.2580",  # ½ × (0.01 - 0.7284)²
    "E_2'": "0.0224",  # ½ × (0.99 - 0.7784)²
    "E'": "0.2804",  # 0.2580 + 0.0224
    # in no line of this method, but asked for by id
    "dE/dz2_1": "0.1385",  # 0.7414 × 0.1868
    "dE/dz2_2": "-0.0381",  # -0.2171 × 0.1755
    "dE/dz1_1": "0.0088",  # 0.0363 × 0.2413
    "dE/dz1_2": "0.0099",  # 0.0413 × 0.2406
}
SMALL_DELTA: Shown = {
    "dE/dz2_1": "0.1385",  # (0.7514 - 0.01) × 0.7514 × (1 - 0.7514)
    "dE/dz2_2": "-0.0381",  # (0.7729 - 0.99) × 0.7729 × (1 - 0.7729)
    "dE/dz1_1": "0.0088",  # 0.5933 × (1 - 0.5933) × (0.40 × 0.1385 + 0.50 × (-0.0381))
    "dE/dz1_2": "0.0100",  # 0.5969 × (1 - 0.5969) × (0.45 × 0.1385 + 0.55 × (-0.0381))
    "dE/dw1_2_2": "0.001",  # 0.0100 × 0.10
    "dE/db1_2": "0.0100",  # dE/dz1_2
    "Db1_2": "-0.005",  # -0.5 × 0.0100
}
SMALL_MATRIX: Shown = {
    "dE/dz2_1": "0.1385",  # 0.7414 × 0.1868
    "dE/dz2_2": "-0.0381",  # -0.2171 × 0.1755
    "dE/dz1_1": "0.0088",  # (0.40 × 0.1385 + 0.50 × (-0.0381)) × 0.2413
    "dE/dz1_2": "0.0100",  # (0.45 × 0.1385 + 0.55 × (-0.0381)) × 0.2406
    "dE/dw1_2_2": "0.001",  # 0.0100 × 0.10
    "dE/db1_2": "0.0100",  # dE/dz1_2
    "Db1_2": "-0.005",  # -0.5 × 0.0100
    "dE/da1_1": "0.0364",  # 0.40 × 0.1385 + 0.50 × (-0.0381)
    "dE/da1_2": "0.0414",  # 0.45 × 0.1385 + 0.55 × (-0.0381)
}

# Large changes, so that the methods round to different new weights ---------------------------------------------------

LARGE: Table = {
    "learning_rate": "1.5",
    "layers": [
        {"activation": "sigmoid", "weights": [["0.64", "-0.09"], ["0.64", "0.46"]], "biases": ["0.37", "0.41"]},
        {"activation": "sigmoid", "weights": [["-0.25", "-0.73"], ["0.57", "0.50"]], "biases": ["-0.49", "-0.93"]},
    ],
    "samples": [{"inputs": ["2.5", "-1.2"], "targets": ["1", "0"]}],
}

LARGE_CHAIN: Shown = {
    # forward pass
    "z1_1": "2.078",  # 0.64 × 2.5 + (-0.09) × (-1.2) + 0.37
    "a1_1": "0.8887",  # σ(2.078)
    "z1_2": "1.458",  # 0.64 × 2.5 + 0.46 × (-1.2) + 0.41
    "a1_2": "0.8112",  # σ(1.458)
    "z2_1": "-1.3044",  # -0.25 × 0.8887 + (-0.73) × 0.8112 + (-0.49)
    "a2_1": "0.2134",  # σ(-1.3044)
    "z2_2": "-0.0178",  # 0.57 × 0.8887 + 0.50 × 0.8112 + (-0.93)
    "a2_2": "0.4956",  # σ(-0.0178)
    # error
    "E_1": "0.3094",  # ½ × (1 - 0.2134)²
    "E_2": "0.1228",  # ½ × (0 - 0.4956)²
    "E": "0.4322",  # 0.3094 + 0.1228
    # backward pass, output layer
    "dE/da2_1": "-0.7866",  # 0.2134 - 1
    "da2_1/dz2_1": "0.1679",  # 0.2134 × (1 - 0.2134)
    "dz2_1/dw2_1_1": "0.8887",  # a1_1
    "dE/dw2_1_1": "-0.1174",  # -0.7866 × 0.1679 × 0.8887
    "dz2_1/dw2_1_2": "0.8112",  # a1_2
    "dE/dw2_1_2": "-0.1071",  # -0.7866 × 0.1679 × 0.8112
    "dz2_1/db2_1": "1",
    "dE/db2_1": "-0.1321",  # -0.7866 × 0.1679 × 1
    "dE/da2_2": "0.4956",  # 0.4956 - 0
    "da2_2/dz2_2": "0.2500",  # 0.4956 × (1 - 0.4956)
    "dz2_2/dw2_2_1": "0.8887",  # a1_1
    "dE/dw2_2_1": "0.1101",  # 0.4956 × 0.2500 × 0.8887
    "dz2_2/dw2_2_2": "0.8112",  # a1_2
    "dE/dw2_2_2": "0.1005",  # 0.4956 × 0.2500 × 0.8112
    "dz2_2/db2_2": "1",
    "dE/db2_2": "0.1239",  # 0.4956 × 0.2500 × 1
    # hidden layer: the sum over two paths
    "dz2_1/da1_1": "-0.25",  # w2_1_1
    "dE/da1_1|z2_1": "0.0330",  # -0.7866 × 0.1679 × (-0.25)
    "dz2_2/da1_1": "0.57",  # w2_2_1
    "dE/da1_1|z2_2": "0.0706",  # 0.4956 × 0.2500 × 0.57
    "dE/da1_1": "0.1036",  # 0.0330 + 0.0706
    "da1_1/dz1_1": "0.0989",  # 0.8887 × (1 - 0.8887)
    "dz1_1/dw1_1_1": "2.5",  # x_1
    "dE/dw1_1_1": "0.0256",  # 0.1036 × 0.0989 × 2.5
    "dz1_1/dw1_1_2": "-1.2",  # x_2
    "dE/dw1_1_2": "-0.0123",  # 0.1036 × 0.0989 × (-1.2)
    "dz1_1/db1_1": "1",
    "dE/db1_1": "0.0102",  # 0.1036 × 0.0989 × 1
    "dz2_1/da1_2": "-0.73",  # w2_1_2
    "dE/da1_2|z2_1": "0.0964",  # -0.7866 × 0.1679 × (-0.73)
    "dz2_2/da1_2": "0.5",  # w2_2_2
    "dE/da1_2|z2_2": "0.0620",  # 0.4956 × 0.2500 × 0.5
    "dE/da1_2": "0.1584",  # 0.0964 + 0.0620
    "da1_2/dz1_2": "0.1532",  # 0.8112 × (1 - 0.8112)
    "dz1_2/dw1_2_1": "2.5",  # x_1
    "dE/dw1_2_1": "0.0607",  # 0.1584 × 0.1532 × 2.5
    "dz1_2/dw1_2_2": "-1.2",  # x_2
    "dE/dw1_2_2": "-0.0291",  # 0.1584 × 0.1532 × (-1.2)
    "dz1_2/db1_2": "1",
    "dE/db1_2": "0.0243",  # 0.1584 × 0.1532 × 1
    # update
    "Dw1_1_1": "-0.0384",  # -1.5 × 0.0256
    "w1_1_1'": "0.6016",  # 0.64 + (-0.0384)
    "Dw1_1_2": "0.0185",  # -1.5 × (-0.0123)
    "w1_1_2'": "-0.0715",  # -0.09 + 0.0185
    "Db1_1": "-0.0153",  # -1.5 × 0.0102
    "b1_1'": "0.3547",  # 0.37 + (-0.0153)
    "Dw1_2_1": "-0.0911",  # -1.5 × 0.0607
    "w1_2_1'": "0.5489",  # 0.64 + (-0.0911)
    "Dw1_2_2": "0.0437",  # -1.5 × (-0.0291)
    "w1_2_2'": "0.5037",  # 0.46 + 0.0437
    "Db1_2": "-0.0365",  # -1.5 × 0.0243
    "b1_2'": "0.3735",  # 0.41 + (-0.0365)
    "Dw2_1_1": "0.1761",  # -1.5 × (-0.1174)
    "w2_1_1'": "-0.0739",  # -0.25 + 0.1761
    "Dw2_1_2": "0.1607",  # -1.5 × (-0.1071)
    "w2_1_2'": "-0.5693",  # -0.73 + 0.1607
    "Db2_1": "0.1982",  # -1.5 × (-0.1321)
    "b2_1'": "-0.2918",  # -0.49 + 0.1982
    "Dw2_2_1": "-0.1652",  # -1.5 × 0.1101
    "w2_2_1'": "0.4048",  # 0.57 + (-0.1652)
    "Dw2_2_2": "-0.1508",  # -1.5 × 0.1005
    "w2_2_2'": "0.3492",  # 0.50 + (-0.1508)
    "Db2_2": "-0.1859",  # -1.5 × 0.1239
    "b2_2'": "-1.1159",  # -0.93 + (-0.1859)
    # new forward pass
    "z1_1'": "1.9445",  # 0.6016 × 2.5 + (-0.0715) × (-1.2) + 0.3547
    "a1_1'": "0.8748",  # σ(1.9445)
    "z1_2'": "1.1413",  # 0.5489 × 2.5 + 0.5037 × (-1.2) + 0.3735
    "a1_2'": "0.7579",  # σ(1.1413)
    "z2_1'": "-0.7879",  # -0.0739 × 0.8748 + (-0.5693) × 0.7579 + (-0.2918)
    "a2_1'": "0.3126",  # σ(-0.7879)
    "z2_2'": "-0.4971",  # 0.4048 × 0.8748 + 0.3492 × 0.7579 + (-1.1159)
    "a2_2'": "0.3782",  # σ(-0.4971)
    # new error
    "E_1'": "0.2363",  # ½ × (1 - 0.3126)²
    "E_2'": "0.0715",  # ½ × (0 - 0.3782)²
    "E'": "0.3078",  # 0.2363 + 0.0715
    # in no line of this method, but asked for by id
    "dE/dz2_1": "-0.1321",  # -0.7866 × 0.1679
    "dE/dz2_2": "0.1239",  # 0.4956 × 0.2500
    "dE/dz1_1": "0.0102",  # 0.1036 × 0.0989
    "dE/dz1_2": "0.0243",  # 0.1584 × 0.1532
}
LARGE_DELTA: Shown = {
    "dE/dz2_1": "-0.1320",  # (0.2134 - 1) × 0.2134 × (1 - 0.2134)
    "dE/dw2_1_1": "-0.1173",  # -0.1320 × 0.8887
    "dE/db2_1": "-0.1320",  # dE/dz2_1
    "dE/dz2_2": "0.1239",  # (0.4956 - 0) × 0.4956 × (1 - 0.4956)
    "dE/dz1_1": "0.0102",  # 0.8887 × (1 - 0.8887) × (-0.25 × (-0.1320) + 0.57 × 0.1239)
    "dE/dw1_1_1": "0.0255",  # 0.0102 × 2.5
    "dE/dw1_1_2": "-0.0122",  # 0.0102 × (-1.2)
    "dE/dz1_2": "0.0242",  # 0.8112 × (1 - 0.8112) × (-0.73 × (-0.1320) + 0.50 × 0.1239)
    "dE/dw1_2_1": "0.0605",  # 0.0242 × 2.5
    "dE/dw1_2_2": "-0.0290",  # 0.0242 × (-1.2)
    "dE/db1_2": "0.0242",  # dE/dz1_2
    "Dw1_1_1": "-0.0383",  # -1.5 × 0.0255
    "w1_1_1'": "0.6017",  # 0.64 + (-0.0383)
    "Dw1_1_2": "0.0183",  # -1.5 × (-0.0122)
    "w1_1_2'": "-0.0717",  # -0.09 + 0.0183
    "Dw1_2_1": "-0.0908",  # -1.5 × 0.0605
    "w1_2_1'": "0.5492",  # 0.64 + (-0.0908)
    "Dw1_2_2": "0.0435",  # -1.5 × (-0.0290)
    "w1_2_2'": "0.5035",  # 0.46 + 0.0435
    "Db1_2": "-0.0363",  # -1.5 × 0.0242
    "b1_2'": "0.3737",  # 0.41 + (-0.0363)
    "Dw2_1_1": "0.1760",  # -1.5 × (-0.1173)
    "w2_1_1'": "-0.074",  # -0.25 + 0.1760
    "Db2_1": "0.198",  # -1.5 × (-0.1320)
    "b2_1'": "-0.292",  # -0.49 + 0.198
    "z1_1'": "1.9450",  # 0.6017 × 2.5 + (-0.0717) × (-1.2) + 0.3547
    "a1_1'": "0.8749",  # σ(1.9450)
    "z1_2'": "1.1425",  # 0.5492 × 2.5 + 0.5035 × (-1.2) + 0.3737
    "a1_2'": "0.7581",  # σ(1.1425)
    "z2_1'": "-0.7883",  # -0.074 × 0.8749 + (-0.5693) × 0.7581 + (-0.292)
    "a2_1'": "0.3125",  # σ(-0.7883)
    "z2_2'": "-0.4970",  # 0.4048 × 0.8749 + 0.3492 × 0.7581 + (-1.1159)
    "dE/da1_1|z2_1": "0.033",  # -0.25 × (-0.1320)
}
LARGE_MATRIX: Shown = {
    "dE/dz2_1": "-0.1321",  # -0.7866 × 0.1679
    "dE/dw2_1_2": "-0.1072",  # -0.1321 × 0.8112
    "dE/dz2_2": "0.1239",  # 0.4956 × 0.2500
    "dE/dz1_1": "0.0103",  # (-0.25 × (-0.1321) + 0.57 × 0.1239) × 0.0989
    "dE/dw1_1_1": "0.0258",  # 0.0103 × 2.5
    "dE/dw1_1_2": "-0.0124",  # 0.0103 × (-1.2)
    "dE/db1_1": "0.0103",  # dE/dz1_1
    "dE/dz1_2": "0.0243",  # (-0.73 × (-0.1321) + 0.50 × 0.1239) × 0.1532
    "dE/dw1_2_1": "0.0608",  # 0.0243 × 2.5
    "dE/dw1_2_2": "-0.0292",  # 0.0243 × (-1.2)
    "Dw1_1_1": "-0.0387",  # -1.5 × 0.0258
    "w1_1_1'": "0.6013",  # 0.64 + (-0.0387)
    "Dw1_1_2": "0.0186",  # -1.5 × (-0.0124)
    "w1_1_2'": "-0.0714",  # -0.09 + 0.0186
    "Db1_1": "-0.0155",  # -1.5 × 0.0103
    "b1_1'": "0.3545",  # 0.37 + (-0.0155)
    "Dw1_2_1": "-0.0912",  # -1.5 × 0.0608
    "w1_2_1'": "0.5488",  # 0.64 + (-0.0912)
    "Dw1_2_2": "0.0438",  # -1.5 × (-0.0292)
    "w1_2_2'": "0.5038",  # 0.46 + 0.0438
    "Dw2_1_2": "0.1608",  # -1.5 × (-0.1072)
    "w2_1_2'": "-0.5692",  # -0.73 + 0.1608
    "z1_1'": "1.9434",  # 0.6013 × 2.5 + (-0.0714) × (-1.2) + 0.3545
    "a1_1'": "0.8747",  # σ(1.9434)
    "z1_2'": "1.1409",  # 0.5488 × 2.5 + 0.5038 × (-1.2) + 0.3735
    "a1_2'": "0.7578",  # σ(1.1409)
    "z2_1'": "-0.7878",  # -0.0739 × 0.8747 + (-0.5692) × 0.7578 + (-0.2918)
    "z2_2'": "-0.4972",  # 0.4048 × 0.8747 + 0.3492 × 0.7578 + (-1.1159)
}


# The same, line by line ----------------------------------------------------------------------------------------------

WORKED: dict[str, tuple[Table, dict[str, Shown]]] = {
    "small changes": (SMALL, {"chain": SMALL_CHAIN, "delta": SMALL_DELTA, "matrix": SMALL_MATRIX}),
    "large changes": (LARGE, {"chain": LARGE_CHAIN, "delta": LARGE_DELTA, "matrix": LARGE_MATRIX}),
}


def worked_by_calc(example: str, method: str) -> tuple[calc.Solution, Table]:
    fixed = {"loss": "half_squared_error", "rounding": {"decimals": 4, "carry": "rounded"}}
    solution = calc.solve(calc.Problem(**WORKED[example][0] | fixed | {"solution": {"method": method, "show": "all"}}))
    return solution, json.loads(solution.render("json"))["iterations"][0]


@pytest.mark.parametrize("example", WORKED)
@pytest.mark.parametrize("method", ["chain", "delta", "matrix"])
def test_every_intermediate_result_is_that_of_the_work_by_hand(
    example: str, method: str, record_property: Record
) -> None:
    values = worked_by_calc(example, method)[1]["values"]
    by_hand = WORKED[example][1]["chain"] | WORKED[example][1][method]
    assert {id: values[id]["shown"] for id in by_hand} == by_hand
    assert {id: Fraction(values[id]["value"]) for id in by_hand} == {id: Fraction(by_hand[id]) for id in by_hand}
    typed = {id for id in values if id[:2] in {"x_", "t_"} or (id[0] in "wb" and "'" not in id)}
    assert set(values) - {"learning_rate"} == set(by_hand) | typed
    record_property("Worked by hand", f"{len(by_hand)} results of {example}, {method}, 0 differ")


@pytest.mark.parametrize("example", WORKED)
def test_the_lines_stand_in_the_order_in_which_a_person_works_them(example: str) -> None:
    steps = worked_by_calc(example, "chain")[1]["steps"]
    assert [step["result"] for step in sorted(steps, key=lambda step: step["number"])] == list(
        WORKED[example][1]["chain"]
    )


@pytest.mark.parametrize("example", WORKED)
@pytest.mark.parametrize("method", ["chain", "delta", "matrix"])
def test_every_result_worked_by_hand_stands_in_the_table_of_answers(example: str, method: str) -> None:
    by_hand = WORKED[example][1]["chain"] | WORKED[example][1][method]
    answers = worked_by_calc(example, method)[0].render("text").split("\nAnswers\n")[1].replace("\N{MINUS SIGN}", "-")
    rows = [line.split()[2:] for line in answers.splitlines() if line.strip()[:1] in {"w", "b"}]
    ids = [id.removeprefix("D") for id in SMALL_CHAIN if id[0] == "D"]
    assert rows == [[by_hand[f"dE/d{id}"], by_hand[f"D{id}"], by_hand[f"{id}'"]] for id in ids]


# The examples of four courses ----------------------------------------------------------------------------------------

COURSES = {  # method, profile, how its page writes a gradient, and what the file says, comments apart
    "house-prices": ("matrix", "ih-ho", r"\frac{\partial E}{\partial W_{ih}} &= ", "4e6a8743bd8b381f"),
    "cross-entropy": ("delta", "delta-nabla", r"\delta^{(3)}_1 &= a^{(3)}_1 - y_1 = ", "07310ae191dae5bf"),
    "matrix-form": (
        "matrix",
        "x-layer",
        r"\delta_2 &= W_3^{\mathsf{T}} \delta_3 \circ \sigma'(z_2) = ",
        "0c5da2608e4b0ba9",
    ),
    "pixel-digits": ("chain", "standard", r"(-0.0643) \times 0.0347 \approx -0.0022", "bf994ffea79113e3"),
}


def course(name: str) -> tuple[calc.Solution, Table]:
    """Solved, and the file as the referee reads it."""
    path = ROOT / "examples" / f"{name}.toml"
    return calc.solve(calc.load(path)), tomllib.loads(path.read_text("utf-8")) | {"rounding": {"decimals": 4}}


@pytest.mark.parametrize("name", COURSES)
def test_the_example_of_a_course_is_the_one_that_was_given(name: str) -> None:
    given = tomllib.loads((ROOT / "examples" / f"{name}.toml").read_text("utf-8"))
    assert hashlib.sha256(json.dumps(given, sort_keys=True).encode()).hexdigest()[:16] == COURSES[name][3]


@pytest.mark.parametrize("name", COURSES)
def test_the_example_of_a_course_runs_in_its_own_notation_and_method(name: str) -> None:
    solution, _ = course(name)
    method, profile, line, _ = COURSES[name]
    assert (solution.problem.solution.method, solution.problem.notation.profile) == (method, profile)
    assert line in solution.render("markdown")
    assert line in solution.render("latex")


@pytest.mark.parametrize("name", COURSES)
def test_every_value_of_a_course_is_that_of_a_recomputation(name: str, record_property: Record) -> None:
    solution, problem = course(name)
    compared = compare_digits(solution, problem)
    values = {id for id in json.loads(solution.render("json"))["iterations"][0]["values"] if id[:8] != "learning"}
    parts_after = {id for id in values if id[0] == "E" and "'" in id}  # of E', which is compared
    assert values - parts_after == set(recompute(problem)) - parts_after
    record_property("Examples of courses, values", f"{compared} of {name}, 0 differ")


@pytest.mark.parametrize("name", COURSES)
@pytest.mark.parametrize("format", ["markdown", "latex"])
def test_every_line_of_a_course_comes_out_on_a_calculator(name: str, format: str, record_property: Record) -> None:
    solution, problem = course(name)
    report = proofread(solution.render(format), problem["rounding"], by_side=slopes_by_side(problem))
    assert not report.faults
    assert not report.loose
    assert report.checked > 25
    record_property("Examples of courses, lines", f"{report.checked} of {name} in {format}, 0 wrong")
