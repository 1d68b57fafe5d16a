// Qdrant's official client for JavaScript against a running Weir, from making a collection to dropping it. WEIR_URL and
// WEIR_NODE_HOME are given; exits 0 when all holds.
import assert from 'node:assert/strict';
import {createRequire} from 'node:module';

const require = createRequire(`${process.env.WEIR_NODE_HOME}/`);
const {QdrantClient} = require('@qdrant/js-client-rest');
const client = new QdrantClient({url: process.env.WEIR_URL});
const name = `js-${process.pid}`;

assert.equal((await client.collectionExists(name)).exists, false);
await client.createCollection(name, {vectors: {size: 3, distance: 'Cosine'}});
assert.ok((await client.getCollections()).collections.some((collection) => collection.name === name));
const uuid = '936da01f-9abd-4d9d-80c7-02af85c822a8';
const written = await client.upsert(name, {
  wait: true,
  points: [
    {id: 1, vector: [0.9, 0.1, 0.0], payload: {city: 'Kiel', ships: 40}},
    {id: 2, vector: [0.1, 0.9, 0.0], payload: {city: 'Husum', ships: 7}},
    {id: uuid, vector: [0.8, 0.2, 0.0], payload: {city: 'Bremen', ships: 90}},
  ],
});
assert.equal(written.status, 'completed');
const filter = {must: [{key: 'ships', range: {gte: 10}}]};
const found = await client.query(name, {query: [1, 0, 0], filter, limit: 5, with_payload: ['city'], with_vector: true});
assert.deepEqual(found.points.map((point) => point.id), [1, uuid]);
assert.deepEqual(found.points[0].payload, {city: 'Kiel'});
assert.equal(found.points[0].vector.length, 3);
assert.deepEqual((await client.query(name, {query: [0, 1, 0], limit: 1})).points.map((point) => point.id), [2]);
assert.equal((await client.count(name, {filter})).count, 2);
await client.setPayload(name, {payload: {seen: true}, points: [2], wait: true});
const page = await client.scroll(name, {limit: 2});
assert.deepEqual(page.points.map((point) => point.id), [1, 2]);
assert.equal(page.points[1].payload.seen, true);
assert.equal(page.next_page_offset, uuid);
await client.delete(name, {points: [1], wait: true});
assert.deepEqual((await client.retrieve(name, {ids: [1, 2]})).map((point) => point.id), [2]);
assert.equal((await client.getCollection(name)).points_count, 2);
await assert.rejects(client.query(name, {query: [1, 0]}), (error) => error.status === 400);
const words = `${name}-words`;
await client.createCollection(words, {vectors: {}, sparse_vectors: {text: {modifier: 'idf'}}});
await client.upsert(words, {wait: true, points: [{id: 1, vector: {text: {indices: [3, 9], values: [1, 2]}}}]});
const rare = await client.query(words, {query: {indices: [9], values: [1]}, using: 'text', with_vector: true});
assert.deepEqual(rare.points[0].vector, {text: {indices: [3, 9], values: [1, 2]}});
await client.deleteCollection(words);
const late = `${name}-late`;
await client.createCollection(late, {vectors: {size: 2, distance: 'Dot', multivector_config: {comparator: 'max_sim'}}});
await client.upsert(late, {wait: true, points: [{id: 1, vector: [[1, 0], [0, 2]]}, {id: 2, vector: [[2.5, 0]]}]});
const sums = await client.query(late, {query: [[1, 0], [0, 1]], with_vector: true});
assert.deepEqual(sums.points.map((point) => [point.id, point.score]), [[1, 3], [2, 2.5]]);
assert.deepEqual(sums.points[0].vector, [[1, 0], [0, 2]]);
await client.deleteCollection(late);
await client.deleteCollection(name);
await assert.rejects(client.getCollection(name), (error) => error.status === 404);
