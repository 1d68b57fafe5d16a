#!/usr/bin/env python3
"""Vectors for bench/vectors.py, from a seed: run by the peers' Python, which has numpy.

  vector_sets.py FOLDER VECTORS DIMENSIONS QUERIES [REAL]

Of the vectors in the file REAL, in an order by chance, or without it as embeddings are: 64 free directions of DIMENSIONS, in clusters of a few hundred that overlap, a little noise in all,
length 1. Each row has two numbers from 0 to 9,999: r by chance, s by its place along one direction, on whose far end the
queries of `far` lie, so that a filter for small s leaves what is away from them. Writes rows.f32, fields.i32, queries.f32,
far.f32, and truth.json: the ten nearest by an exact scan, for each set of queries and filter.
"""

import json
import pathlib
import sys

import numpy

LATENT, CLUSTER_ROWS, SEED = 64, 500, 20261122
SHARES = (0.001, 0.01, 0.05, 0.2, 0.5)


def normalised(rows):
    return (rows / numpy.linalg.norm(rows, axis=1, keepdims=True)).astype(numpy.float32)


def nearest(rows, queries, eligible, k=10):
    """The numbers of the k rows with the largest product, of those that are eligible (None: all)."""
    numbers = numpy.arange(len(rows)) if eligible is None else numpy.flatnonzero(eligible)
    among = rows if eligible is None else rows[numbers]
    found = []
    for begin in range(0, len(queries), 50):
        products = queries[begin:begin + 50] @ among.T
        few = min(k, products.shape[1])
        best = numpy.argpartition(-products, few - 1, axis=1)[:, :few]
        found += numbers[best].tolist()
    return found


def main():
    folder, count, dimensions, queries_count = pathlib.Path(sys.argv[1]), *map(int, sys.argv[2:5])
    source = numpy.random.default_rng(SEED)
    basis = numpy.linalg.qr(source.standard_normal((dimensions, LATENT)))[0].T
    centres = source.standard_normal((max(16, count // CLUSTER_ROWS), LATENT))

    left = None
    if len(sys.argv) > 5:
        left = numpy.fromfile(sys.argv[5], numpy.float32).reshape(-1, dimensions)
        left = normalised(left[source.permutation(len(left))])
        centred = left - left.mean(axis=0)
        basis = numpy.linalg.eigh(centred.T @ centred)[1].T[::-1]  # where they differ most comes first

    def made(number):
        nonlocal left
        if left is not None:
            taken, left = left[:number], left[number:]
            return taken
        latent = centres[source.integers(len(centres), size=number)] + 0.7 * source.standard_normal((number, LATENT))
        return normalised(latent @ basis + 0.03 * source.standard_normal((number, dimensions)))

    rows = made(count)
    queries = made(queries_count)
    direction = basis[0].astype(numpy.float32)
    place = numpy.empty(count, numpy.int64)
    place[numpy.argsort(rows @ direction)] = numpy.arange(count)
    fields = numpy.stack([source.permutation(count) * 10_000 // count, place * 10_000 // count], axis=1).astype(numpy.int32)
    many = made(queries_count * 5)
    far = many[numpy.argsort(-(many @ direction))[:queries_count]]  # the fifth that lies at the far end

    truth = {"queries": nearest(rows, queries, None)}
    for column, (field, asked) in enumerate((("r", queries), ("s", far))):
        for share in SHARES:
            truth[f"{field}{share}"] = nearest(rows, asked, fields[:, column] < share * 10_000)
    for name, array in (("rows.f32", rows), ("queries.f32", queries), ("far.f32", far), ("fields.i32", fields)):
        array.tofile(folder / name)
    (folder / "truth.json").write_text(json.dumps(truth))


if __name__ == "__main__":
    main()
