#!/usr/bin/python3
"""House prices with known noise, as CSV: area, rooms, district, price.

    house_prices.py ROWS SEED > houses.csv

price = 20,000 + 1,800 area + 9,000 rooms + (premium of the district) + noise of 25,000. Of area and
of rooms 3 % are missing. The last line on stderr is the R² that a linear model with mean imputation
can reach: what it cannot explain is the noise, and the part of the price that hung on the values
that are missing.
"""

import csv
import random
import statistics
import sys

NOISE = 25000.0
MISSING = 0.03
PER_AREA, PER_ROOM = 1800.0, 9000.0
PREMIUM = {"centre": 90000.0, "north": 0.0, "riverside": 45000.0, "south": -30000.0}


def main():
    if len(sys.argv) != 3:
        sys.exit("usage: house_prices.py ROWS SEED")
    n_rows, source = int(sys.argv[1]), random.Random(int(sys.argv[2]))
    areas, rooms, prices = [], [], []
    out = csv.writer(sys.stdout, lineterminator="\n")
    out.writerow(["area", "rooms", "district", "price"])
    for _ in range(n_rows):
        area = min(max(source.gauss(95, 30), 20), 250)
        n_rooms = min(max(round(area / 25 + source.gauss(0, 0.8)), 1), 10)
        district = source.choice(sorted(PREMIUM))
        price = (20000 + PER_AREA * area + PER_ROOM * n_rooms + PREMIUM[district] +
                 source.gauss(0, NOISE))
        areas.append(area)
        rooms.append(n_rooms)
        prices.append(price)
        out.writerow(["" if source.random() < MISSING else "%.1f" % area,
                      "" if source.random() < MISSING else n_rooms, district, "%.0f" % price])
    lost = MISSING * (PER_AREA ** 2 * statistics.pvariance(areas) +
                      PER_ROOM ** 2 * statistics.pvariance(rooms))
    print("expected_r2=%.4f" % (1 - (NOISE ** 2 + lost) / statistics.pvariance(prices)),
          file=sys.stderr)


main()
