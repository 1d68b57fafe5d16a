"""What LlamaIndex's vector stores have in common: everything but how one is opened."""

from llama_index.core import StorageContext, VectorStoreIndex
from llama_index.core.schema import TextNode
from llama_index.core.vector_stores import MetadataFilter, MetadataFilters
from llama_index.embeddings.openai_like import OpenAILikeEmbedding


def embedding(given):
    return OpenAILikeEmbedding(model_name=given.embedding, api_base=f"{given.url}/v1", api_key="none")


def found(index, given, **more):
    retriever = index.as_retriever(similarity_top_k=given.count, **more)
    return [hit.node.get_content() for hit in retriever.retrieve(given.query)]


def searching(opened):
    """nearest, filtered, removed and reopened over the store that `opened` gives for what a task was given."""

    def filled(given):
        nodes = [TextNode(id_=entry["id"], text=entry["text"], metadata={"group": entry["group"]})
                 for entry in given.documents]
        return VectorStoreIndex(nodes, storage_context=StorageContext.from_defaults(vector_store=opened(given)),
                                embed_model=embedding(given))

    def nearest(given):
        return found(filled(given), given)

    def filtered(given):
        group = MetadataFilters(filters=[MetadataFilter(key="group", value=given.group)])
        return found(filled(given), given, filters=group)

    def removed(given):
        index = filled(given)
        index.delete_nodes(given.ids)
        return found(index, given)

    def reopened(given):
        filled(given)
        return found(VectorStoreIndex.from_vector_store(opened(given), embed_model=embedding(given)), given)

    return nearest, filtered, removed, reopened
