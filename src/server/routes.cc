#include "server/admin_routes.h"
#include "server/anthropic_routes.h"
#include "server/audio_routes.h"
#include "server/backend_routes.h"
#include "server/chroma_routes.h"
#include "server/collection_routes.h"
#include "server/decision_routes.h"
#include "server/document_routes.h"
#include "server/embedding_routes.h"
#include "server/file_routes.h"
#include "server/health_routes.h"
#include "server/ledger_routes.h"
#include "server/llamacpp_routes.h"
#include "server/moderation_routes.h"
#include "server/ollama_model_routes.h"
#include "server/ollama_routes.h"
#include "server/openai_routes.h"
#include "server/qdrant_routes.h"
#include "server/qdrant_snapshots.h"
#include "server/rerank_routes.h"
#include "server/responses_routes.h"
#include "server/route_table.h"
#include "server/score_routes.h"
#include "server/upload_routes.h"
#include "server/vector_store_routes.h"

namespace weir::server {
namespace {

using chat::Scope;

// The first that fits is taken: what says more stands in front.
constexpr Route kRoutes[] = {
    {"POST", "/v1/chat/completions", OpenAiChat},
    {"POST", "/v1/completions", OpenAiCompletion},
    {"POST", "/v1/embeddings", OpenAiEmbeddings},
    {"POST", "/v1/audio/transcriptions", PostTranscription},
    {"POST", "/v1/audio/translations", PostTranslation},
    {"POST", "/v1/moderations", PostModeration},
    {"POST", "/v1/responses", CreateResponse},
    {"POST", "/v1/responses/input_tokens", CountInputTokens},
    {"GET", "/v1/responses/*", GetResponse},
    {"DELETE", "/v1/responses/*", DeleteResponse},
    {"POST", "/v1/responses/*", CancelResponse},
    {"GET", "/v1/files", GetFiles},
    {"POST", "/v1/files", PostFile},
    {"GET", "/v1/files/*/content", GetFileContent},
    {"GET", "/v1/files/*", GetFile},
    {"DELETE", "/v1/files/*", DeleteFile},
    {"POST", "/v1/uploads", PostUpload},
    {"POST", "/v1/uploads/*/parts", PostUploadPart},
    {"POST", "/v1/uploads/*/complete", CompleteUpload},
    {"POST", "/v1/uploads/*/cancel", CancelUpload},
    {"POST", "/v1/vector_stores", PostVectorStores},
    {"GET", "/v1/vector_stores", GetVectorStores},
    {"POST", "/v1/vector_stores/*/search", PostVectorStoreSearch},
    {"POST", "/v1/vector_stores/*/files", PostStoreFiles},
    {"GET", "/v1/vector_stores/*/files", GetStoreFiles},
    {"GET", "/v1/vector_stores/*/files/*/content", GetStoreFileContent},
    {"GET", "/v1/vector_stores/*/files/*", GetStoreFile},
    {"POST", "/v1/vector_stores/*/files/*", PostStoreFile},
    {"DELETE", "/v1/vector_stores/*/files/*", DeleteStoreFile},
    {"POST", "/v1/vector_stores/*/file_batches", PostFileBatch},
    {"POST", "/v1/vector_stores/*/file_batches/*/cancel", CancelFileBatch},
    {"GET", "/v1/vector_stores/*/file_batches/*/files", GetBatchFiles},
    {"GET", "/v1/vector_stores/*/file_batches/*", GetFileBatch},
    {"GET", "/v1/vector_stores/*", GetVectorStore},
    {"POST", "/v1/vector_stores/*", PostVectorStore},
    {"DELETE", "/v1/vector_stores/*", DeleteVectorStore},
    {"GET", "/v1/models", OpenAiModels},
    {"GET", "/v1/models/*", OpenAiModel},

    {"POST", "/v1/messages", AnthropicMessages},
    {"POST", "/v1/messages/count_tokens", AnthropicCountTokens},

    {"POST", "/api/chat", OllamaChat},
    {"POST", "/api/generate", OllamaGenerate},
    {"POST", "/api/embed", OllamaEmbed},
    {"POST", "/api/embeddings", OllamaEmbeddings},
    {"GET", "/api/tags", OllamaTags},
    {"POST", "/api/show", OllamaShow},
    {"GET", "/api/ps", OllamaRunning},
    {"GET", "/api/version", OllamaVersion},
    {"POST", "/api/pull", OllamaPull, Scope::kModels},
    {"POST", "/api/create", OllamaCreate, Scope::kModels},
    {"POST", "/api/copy", OllamaCopy, Scope::kModels},
    {"DELETE", "/api/delete", OllamaDelete, Scope::kModels},
    {"POST", "/api/push", OllamaPush, Scope::kModels},
    {"HEAD", "/api/blobs/*", OllamaHasBlob, Scope::kModels},
    {"POST", "/api/blobs/*", OllamaPutBlob, Scope::kModels},

    {"POST", "/v1/rerank", PostRerank},
    {"POST", "/v2/rerank", PostRerank},
    {"POST", "/rerank", PostRerank},

    {"POST", "/completion", PostCompletion},
    {"POST", "/completions", PostCompletion},
    {"POST", "/infill", PostInfill},
    {"POST", "/apply-template", PostApplyTemplate},
    {"GET", "/props", GetProps},
    {"GET", "/lora-adapters", GetLoraAdapters},
    {"POST", "/tokenize", PostTokenize},
    {"POST", "/detokenize", PostDetokenize},

    {"GET", "/weir/v1/collections", GetCollections},

    {"GET", "/api/v2/*", Chroma},
    {"POST", "/api/v2/*", Chroma},
    {"PUT", "/api/v2/*", Chroma},
    {"DELETE", "/api/v2/*", Chroma},
    {"GET", "/api/v1/*", ChromaOne},

    {"GET", "/", QdrantVersion},
    {"GET", "/aliases", QdrantAliases},
    {"GET", "/collections", QdrantCollections},
    {"GET", "/collections/*/snapshots/*", QdrantSnapshot},
    {"POST", "/collections/*/snapshots/upload", QdrantSnapshotUpload},
    {"GET", "/collections/*", QdrantCollections},
    {"PUT", "/collections/*", QdrantCollections},
    {"POST", "/collections/*", QdrantCollections},
    {"PATCH", "/collections/*", QdrantCollections},
    {"DELETE", "/collections/*", QdrantCollections},

    {"POST", "/weir/v1/score", PostScore},
    {"GET", "/weir/v1/collections/*/documents", GetDocuments},
    {"GET", "/weir/v1/collections/*/documents/*", GetDocument},
    {"PUT", "/weir/v1/collections/*/documents/*", PutDocument},
    {"DELETE", "/weir/v1/collections/*/documents/*", DeleteDocument},
    {"POST", "/weir/v1/collections/*/search", PostSearch},
    {"GET", "/weir/v1/collections/*/embedding", GetEmbedding},
    {"POST", "/weir/v1/collections/*/embedding", PostEmbedding},
    {"DELETE", "/weir/v1/collections/*/embedding", DeleteEmbedding},
    {"GET", "/weir/v1/collections/*", OneCollection},
    {"DELETE", "/weir/v1/collections/*", OneCollection},
    {"GET", "/weir/v1/decisions", GetDecisions},
    {"GET", "/weir/v1/decisions/*", GetDecision},
    {"POST", "/weir/v1/decisions/*", PostVote},
    {"GET", "/weir/v1/policy", GetPolicy, Scope::kAdmin},
    {"POST", "/weir/v1/policy/learn", PostLearn, Scope::kAdmin},
    {"GET", "/weir/v1/targets", GetTargets},
    {"GET", "/weir/v1/backends", GetBackends, Scope::kAdmin},
    {"POST", "/weir/v1/probe/*", PostProbe, Scope::kAdmin},
    {"GET", "/weir/v1/models", GetEngines},
    {"POST", "/weir/v1/models/load", PostLoad, Scope::kModels},
    {"POST", "/weir/v1/models/stop", PostStop, Scope::kModels},
    {"GET", "/weir/v1/keys", GetKeys, Scope::kKeys},
    {"POST", "/weir/v1/keys", PostKey, Scope::kKeys},
    {"DELETE", "/weir/v1/keys/*", DeleteKey, Scope::kKeys},

    {"GET", "/weir/v1/ledger", GetLedger},
    {"GET", "/weir/v1/budgets", GetBudgets},
    {"GET", "/weir/v1/budgets/*", GetBudgets},
    {"POST", "/weir/v1/budgets/*", PostBudget, Scope::kAdmin},

    {"GET", "/livez", GetLive, Scope::kInference, /*open=*/true},
    {"GET", "/healthz", GetLive, Scope::kInference, /*open=*/true},
    {"GET", "/readyz", GetReady, Scope::kInference, /*open=*/true},
    {"GET", "/health", GetReady, Scope::kInference, /*open=*/true},
    {"GET", "/metrics", GetMetrics, Scope::kAdmin},
    {"GET", "/weir/v1/version", GetVersion},
};

}  // namespace

std::span<const Route> Routes() { return kRoutes; }

}  // namespace weir::server
