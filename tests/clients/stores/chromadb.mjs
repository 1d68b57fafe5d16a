// npm chromadb. It is given the vectors: its own embedding functions would fetch a model.
import {ChromaClient} from 'chromadb';

export const subjects = 'nearest filtered removed reopened';

const client = (given) => new ChromaClient({host: '127.0.0.1', port: Number(new URL(given.url).port)});

async function filled(given) {
  const collection = await client(given).createCollection({name: given.name, embeddingFunction: null,
                                                           configuration: {hnsw: {space: 'cosine'}}});
  const of = (field) => given.documents.map((entry) => entry[field]);
  await collection.add({ids: of('id'), documents: of('text'), embeddings: given.vectors,
                        metadatas: of('group').map((group) => ({group}))});
  return collection;
}

async function found(collection, given, more = {}) {
  const {documents} = await collection.query({queryEmbeddings: [given.vector], nResults: given.count, ...more});
  return documents[0];
}

export async function nearest(given) {
  return found(await filled(given), given);
}

export async function filtered(given) {
  return found(await filled(given), given, {where: {group: given.group}});
}

export async function removed(given) {
  const collection = await filled(given);
  await collection.delete({ids: given.ids});
  return found(collection, given);
}

export async function reopened(given) {
  await filled(given);
  return found(await client(given).getCollection({name: given.name, embeddingFunction: null}), given);
}
