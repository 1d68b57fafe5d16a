// What handlers work on. Plain references: app/ builds everything and keeps it alive for as long as
// the server runs.
//
// I/O thread only.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "async/worker_pool.h"
#include "backends/door.h"
#include "backends/edge_servers.h"
#include "backends/engine_fleet.h"
#include "base/clock.h"
#include "conversations/store.h"
#include "files/store.h"
#include "gateway/file_reading.h"
#include "gateway/gateway.h"
#include "gateway/ingest.h"
#include "gateway/ledger_accounts.h"
#include "gateway/model_changes.h"
#include "gateway/reembedding.h"
#include "keys/key_store.h"
#include "keys/meter.h"
#include "models/manifest.h"
#include "process/fd.h"
#include "server/kept_answers.h"
#include "server/metrics.h"
#include "vectors/store.h"

namespace weir::server {

// A model as /v1/models lists it.
struct ListedModel {
  std::string name = {};
  int64_t created = 0;  // Unix seconds
  std::string owner = "weir";
  uint64_t size = 0;        // bytes of a local model's file; 0 where it has none
  std::string sha256 = {};  // of that file
  std::string family = {};  // what that file says of itself: "llama"
  uint64_t parameters = 0;
  std::string quantisation = {};  // "Q4_K_M"
};

// A model of this machine with the words that it was made with, and its file.
struct StoredModel {
  std::string name = {};
  models::Manifest manifest = {};  // empty for a file that the configuration names
  Fd file = {};
};

// What a probe needs to know of a backend beyond this machine.
struct ProbeBackend {
  const chat::ProviderDialect* dialect = nullptr;
  chat::Quirks quirks = {};
  wire::EgressTimeouts timeouts = {};
};

struct SiteOptions {
  int32_t choices_max = 8;
  size_t json_depth_max = 128;
  size_t body_bytes_max = size_t{32} << 20;
  Duration head_patience = std::chrono::seconds(10);  // then the head goes out without a token
  Duration heartbeat = std::chrono::seconds(15);  // a comment in a stream that has nothing to say
};

struct Site {
  const Clock& clock;
  gateway::Gateway& gateway;
  backends::EngineFleet& fleet;
  keys::KeyStore& keys;
  keys::Meter& meter;
  Metrics& metrics;
  KeptAnswers* kept_answers = nullptr;  // null: an idempotency-key says nothing
  std::function<std::vector<ListedModel>()> list_models = {};
  // The name if there is such a model, "unknown" else: for labels, which hold no text of a request.
  std::string KnownName(const std::string& name) const {
    for (const ListedModel& model : list_models()) {
      if (model.name == name) return name;
    }
    return "unknown";
  }
  // The full name of a local model that `name` or an alias means; kNotFound.
  std::function<Result<std::string>(const std::string& name)> local_model = {};
  // By its full name; kNotFound.
  std::function<Result<StoredModel>(const std::string& name)> stored_model = {};
  // Nothing for a name that is no backend beyond this machine.
  std::function<std::optional<ProbeBackend>(const std::string& name)> probe_backend = {};
  const backends::Door* door = nullptr;
  const backends::EdgeServers* servers = nullptr;
  gateway::LedgerAccounts* accounts = nullptr;     // null: no ledger is kept (tests)
  gateway::ModelChanges* model_changes = nullptr;  // null: the store is nobody's to change (tests)
  // The store has changed: the next look at it is a new one.
  std::function<void()> on_model_change = {};
  gateway::Documents* documents = nullptr;        // null: nothing is kept of documents (tests)
  conversations::Store* conversations = nullptr;  // null: no answer is kept
  files::Store* files = nullptr;                  // null: no files are kept
  gateway::FileReading* reading = nullptr;        // null: nothing is read in the background
  gateway::Reembedding* reembedding = nullptr;    // likewise
  // Takes what was learnt into use and keeps it; nothing learnt puts it back to what is shipped.
  std::function<Result<void>(const routing::Refit&)> adopt = {};
  vectors::Store* vectors = nullptr;      // null: no collections
  WorkerPool* workers = nullptr;          // for what blocks; set where vectors is
  std::vector<std::string> sandbox = {};  // of the gateway itself
  SiteOptions options = {};
  // What commands of this user present: whoever can read the data folder may do everything
  // (docs/keys.md). Empty: none.
  std::string operator_token = {};
};

}  // namespace weir::server
