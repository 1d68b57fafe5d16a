#!/usr/bin/env python3
"""One peer of bench/vectors.py, in its own process: the commands of bench/vectors/vectors_bench.cc, a line of JSON each.

  vector_peers.py NAME FOLDER

Graphs are built with 16 links and 100 candidates everywhere, as Weir's is. Searches use one thread and, where a binding has
it, one call for all queries.
"""

import json
import pathlib
import statistics
import sys
import time

import numpy

LINKS, CANDIDATES, BATCH = 16, 100, 5_000


def timed(work):
    started = time.perf_counter()
    out = work()
    return time.perf_counter() - started, out


class Peer:
    """What all have: rows and fields in memory until they are in the index."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)

    def load(self, command):
        self.dimensions = command["dimensions"]
        self.rows = numpy.fromfile(command["rows"], numpy.float32).reshape(-1, self.dimensions)
        self.fields = numpy.fromfile(command["fields"], numpy.int32).reshape(-1, 2)
        return {}

    def build(self, command):
        seconds, _ = timed(lambda: self.index(command["threads"]))
        del self.rows
        return {"seconds": seconds}

    def search(self, command):
        queries = numpy.fromfile(command["queries"], numpy.float32).reshape(-1, self.dimensions)
        seconds, ids = timed(lambda: self.find(queries, command["width"], command.get("field"), command.get("below")))
        return {"seconds": seconds, "ids": [[int(i) for i in found] for found in ids]}

    def eligible(self, field, below):
        return self.fields[:, "rs".index(field)] < below

    def upserts(self, command):
        """Durable ones, for databases: each call returns when it would outlive a crash, as far as the peer promises that."""
        rows = numpy.fromfile(command["rows"], numpy.float32).reshape(-1, command["dimensions"])
        put = self.database(command["dimensions"])
        single, batched, at = [], [], 0
        for _ in range(command["single"]):
            single.append(timed(lambda: put(at, rows[at:at + 1]))[0] * 1e6)
            at += 1
        for _ in range(command["batches"]):
            batched.append(1000 / timed(lambda: put(at, rows[at:at + 1000]))[0])
            at += 1000
        return {"p50 us": statistics.median(single), "p99 us": sorted(single)[int(0.99 * (len(single) - 1))],
                "batched/s": statistics.median(batched)}


class Hnswlib(Peer):
    def index(self, threads):
        import hnswlib
        self.graph = hnswlib.Index(space="ip", dim=self.dimensions)
        self.graph.init_index(max_elements=len(self.rows), ef_construction=CANDIDATES, M=LINKS)
        self.graph.add_items(self.rows, num_threads=threads)

    def find(self, queries, width, field, below):
        self.graph.set_ef(max(width, 10))
        if field is None:
            return self.graph.knn_query(queries, k=10, num_threads=1)[0]
        allowed = self.eligible(field, below).tolist()
        found = []
        for query in queries:
            try:
                found.append(self.graph.knn_query(query, k=10, num_threads=1, filter=allowed.__getitem__)[0][0])
            except RuntimeError:  # it met fewer than ten that the filter lets through
                found.append([])
        return found


class Usearch(Peer):
    kind = "f32"

    def index(self, threads):
        from usearch.index import Index
        self.graph = Index(ndim=self.dimensions, metric="ip" if self.kind == "f32" else "cos", dtype=self.kind,
                           connectivity=LINKS, expansion_add=CANDIDATES)
        self.graph.add(numpy.arange(len(self.rows)), self.rows, threads=threads)

    def find(self, queries, width, field, below):
        self.graph.expansion_search = width
        if field is None:
            return self.graph.search(queries, 10, threads=1).keys
        # The binding has no filter: more is asked for until ten of it are eligible.
        allowed, found = self.eligible(field, below), []
        share = max(allowed.mean(), 1e-9)
        for query in queries:
            count = int(20 / share)
            while True:
                keys = self.graph.search(query, min(count, len(allowed)), threads=1).keys.astype(numpy.int64)
                keys = keys[allowed[keys]][:10]
                if len(keys) == 10 or count >= len(allowed):
                    break
                count *= 2
            found.append(keys)
        return found


class UsearchInt8(Usearch):
    kind = "i8"


class Faiss(Peer):
    codes = False

    def index(self, threads):
        import faiss
        self.faiss = faiss
        faiss.omp_set_num_threads(threads)
        if self.codes:
            self.graph = faiss.IndexHNSWSQ(self.dimensions, faiss.ScalarQuantizer.QT_8bit, LINKS, faiss.METRIC_INNER_PRODUCT)
            self.graph.train(self.rows[:20_000])
        else:
            self.graph = faiss.IndexHNSWFlat(self.dimensions, LINKS, faiss.METRIC_INNER_PRODUCT)
        self.graph.hnsw.efConstruction = CANDIDATES
        self.graph.add(self.rows)

    def find(self, queries, width, field, below):
        self.faiss.omp_set_num_threads(1)
        how = self.faiss.SearchParametersHNSW(efSearch=width)
        if field is not None:
            bits = numpy.packbits(self.eligible(field, below), bitorder="little")
            selector = self.faiss.IDSelectorBitmap(bits)
            how = self.faiss.SearchParametersHNSW(efSearch=width, sel=selector)
        return self.graph.search(queries, 10, params=how)[1]


class FaissSq8(Faiss):
    codes = True


class Zvec(Peer):
    quantised = False
    opened = 0

    def made(self, dimensions, graph):
        import zvec
        self.zvec = zvec
        Zvec.opened += 1
        index = zvec.FlatIndexParam(metric_type=zvec.MetricType.IP)
        if graph:
            kind = {"quantize_type": zvec.QuantizeType.INT8} if self.quantised else {}
            index = zvec.HnswIndexParam(metric_type=zvec.MetricType.IP, m=LINKS, ef_construction=CANDIDATES, **kind)
        schema = zvec.CollectionSchema(
            "c", fields=[zvec.FieldSchema(name, zvec.DataType.INT32, index_param=zvec.InvertIndexParam()) for name in "rs"],
            vectors=[zvec.VectorSchema("v", zvec.DataType.VECTOR_FP32, dimensions, index_param=index)])
        return zvec.create_and_open(str(self.folder / f"zvec-{Zvec.opened}"), schema)

    def index(self, threads):
        self.graph = self.made(self.dimensions, graph=True)
        for begin in range(0, len(self.rows), 1000):
            end = min(begin + 1000, len(self.rows))
            self.graph.insert([self.zvec.Doc(id=str(i), vectors={"v": self.rows[i].tolist()},
                                             fields={"r": int(self.fields[i, 0]), "s": int(self.fields[i, 1])})
                               for i in range(begin, end)])
        self.graph.optimize(self.zvec.OptimizeOption(concurrency=threads))

    def find(self, queries, width, field, below):
        how = self.zvec.HnswQueryParam(ef=width)
        where = None if field is None else f"{field} < {below}"
        return [[int(doc.id) for doc in self.graph.query(self.zvec.Query("v", vector=query.tolist(), param=how), topk=10,
                                                         filter=where, output_fields=[])] for query in queries]

    def database(self, dimensions):
        collection = self.made(dimensions, graph=False)

        def put(first, rows):
            collection.upsert([self.zvec.Doc(id=str(first + i), vectors={"v": row.tolist()}, fields={"r": 0, "s": 0})
                               for i, row in enumerate(rows)])
            collection.flush()  # without it nothing is promised
        return put


class ZvecInt8(Zvec):
    quantised = True


class Lancedb(Peer):
    def table(self, rows, first=0, fields=None):
        import pyarrow
        dimensions = rows.shape[1]
        vectors = pyarrow.FixedSizeListArray.from_arrays(pyarrow.array(rows.ravel()), dimensions)
        fields = numpy.zeros((len(rows), 2), numpy.int32) if fields is None else fields
        return pyarrow.table({"id": pyarrow.array(numpy.arange(first, first + len(rows))), "vector": vectors,
                              "r": pyarrow.array(fields[:, 0]), "s": pyarrow.array(fields[:, 1])})

    def index(self, threads):
        import lancedb
        self.graph = lancedb.connect(str(self.folder / "lance")).create_table("c", self.table(self.rows, 0, self.fields))
        self.graph.create_index(metric="dot", index_type="IVF_HNSW_SQ", m=LINKS, ef_construction=CANDIDATES,
                                num_partitions=max(1, len(self.rows) // 100_000))
        for name in "rs":
            self.graph.create_scalar_index(name)

    def find(self, queries, width, field, below):
        found = []
        for query in queries:
            # It takes no beam narrower than what is refined.
            search = self.graph.search(query).metric("dot").ef(max(width, 40)).refine_factor(4).limit(10)
            search = search.select(["id", "_distance"])
            if field is not None:
                search = search.where(f"{field} < {below}", prefilter=True)
            found.append(search.to_arrow()["id"].to_pylist())
        return found

    def database(self, dimensions):
        import lancedb
        table = lancedb.connect(str(self.folder / "lance-upserts")).create_table(
            "u", self.table(numpy.zeros((1, dimensions), numpy.float32), -1))
        return lambda first, rows: table.merge_insert("id").when_matched_update_all().when_not_matched_insert_all().execute(
            self.table(rows, first))


class Chromadb(Peer):
    def client(self, name):
        import chromadb
        return chromadb.PersistentClient(str(self.folder / name), chromadb.Settings(anonymized_telemetry=False))

    def index(self, threads):
        self.graph = self.client("chroma").create_collection(
            "rows", embedding_function=None,
            configuration={"hnsw": {"space": "ip", "ef_construction": CANDIDATES, "max_neighbors": LINKS,
                                    "num_threads": threads}})
        for begin in range(0, len(self.rows), BATCH):
            end = min(begin + BATCH, len(self.rows))
            self.graph.add(ids=[str(i) for i in range(begin, end)], embeddings=self.rows[begin:end],
                           metadatas=[{"r": int(r), "s": int(s)} for r, s in self.fields[begin:end]])

    def find(self, queries, width, field, below):
        if width != getattr(self, "width", None):
            self.graph.modify(configuration={"hnsw": {"ef_search": width}})
            self.width = width
        where = None if field is None else {field: {"$lt": below}}
        return [[int(i) for i in self.graph.query(query_embeddings=[query], n_results=10, where=where, include=[])["ids"][0]]
                for query in queries]

    def database(self, dimensions):
        collection = self.client("chroma-upserts").create_collection("upserts", embedding_function=None)
        return lambda first, rows: collection.upsert(ids=[str(first + i) for i in range(len(rows))], embeddings=rows)


PEERS = {"hnswlib": Hnswlib, "usearch": Usearch, "usearch-i8": UsearchInt8, "faiss": Faiss, "faiss-sq8": FaissSq8,
         "zvec": Zvec, "zvec-int8": ZvecInt8, "lancedb": Lancedb, "chromadb": Chromadb}


def main():
    peer = PEERS[sys.argv[1]](sys.argv[2])
    for line in sys.stdin:
        command = json.loads(line)
        print(json.dumps(getattr(peer, command["do"])(command)), flush=True)


if __name__ == "__main__":
    main()
