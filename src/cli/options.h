// What the commands were asked, as plain values; commands.cc fills them from the command line.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cli/server_link.h"
#include "models/found.h"

namespace weir::cli {

struct Common {
  Folders folders = {};
  std::string config = {};  // --config, for config and serve
  bool json = false;
};

struct RunOptions {
  std::string model = "auto";
  std::string text = {};  // the prompt, when it stood where the model may stand
  std::vector<std::string> prompt = {};
  std::string system = {};
  std::optional<double> temperature = {};
  std::optional<int64_t> max_tokens = {};
  std::optional<int64_t> seed = {};
  std::vector<std::string> collections = {};  // that the answer rests on
  bool rewrite = false;                       // the question, before it is searched for
  std::vector<std::string> files = {};        // texts that go behind the prompt
  std::vector<std::string> images = {};       // files that go before it
  std::string format = {};                    // "json", or a file with a JSON schema
  std::string color = "auto";                 // or "always", "never"
};

struct IngestOptions {
  std::vector<std::string> paths = {};  // files, folders, addresses, or "-"
  std::string collection = {};          // empty: the name of the first folder
  std::string name = {};                // of what comes from standard input
  std::string label = {};
  bool prune = false;
  bool no_ignore = false;  // also what git ignores
  bool watch = false;
};

struct SearchOptions {
  std::string collection = {};
  std::vector<std::string> query = {};
  int64_t count = 5;
  bool rewrite = false;
  bool rerank = true;  // by the reranking model, where there is one
};

struct ClassifyOptions {
  std::string model = "auto";
  std::vector<std::string> labels = {};
  std::string text = {};
  std::string question = {};
};

struct EmbedOptions {
  std::string model = "embedding";
  std::vector<std::string> texts = {};
};

// weir backend add.
struct BackendOptions {
  std::string preset = {};
  std::string name = {};
  std::string url = {};
  std::string ceiling = {};  // empty: it is asked for
  std::string key_env = {};
  std::string key_file = {};
};

struct KeyOptions {
  std::string name = {};
  std::string tenant = {};
  std::string project = {};
  std::string scopes = {};
  std::string label_floor = {};
  bool may_assert_label = false;
  std::optional<int64_t> requests_per_minute = {};
  std::optional<int64_t> tokens_per_minute = {};
  std::optional<int64_t> concurrent = {};
  std::optional<int64_t> expires_in_s = {};
  std::string models = {};  // with commas
  std::string projects = {};
  std::string budget = {};  // a decimal
  std::string budget_per = {};
  std::string budget_currency = {};
};

struct LedgerOptions {
  std::string by = "day";
  std::string since = {};
  bool csv = false;
  int64_t entries = 0;  // 0: sums
};

// weir route ...
struct RouteOptions {
  std::string id = {};
  std::string policy = {};  // a configuration file; empty: the one in force
  std::string since = {};
  std::string file = {};
  std::string vote = {};
};

struct PullOptions {
  std::string reference = {};
  std::string name = {};
  int64_t connections = 4;
  bool again = false;
};

struct CreateOptions {
  std::string name = {};
  std::string modelfile = "Modelfile";
};

struct QuantizeOptions {
  std::string model = {};
  std::string type = {};
  std::string name = {};
  int32_t threads = 0;  // 0: all cores
  bool again = false;   // also a model that is quantised already
};

// weir bench --quality.
struct QualityOptions {
  std::vector<std::string> models = {};
  std::vector<std::string> types = {};  // to make of the first model, and to throw away
  std::string text = {};                // a file, or "-"; empty: the built-in one
  std::string svg = {};                 // a file to write; empty: none
  bool markdown = false;
  int32_t context_tokens = 0;  // 0: 512, or what the model was trained for
  int32_t windows = 0;         // at most; 0: all
  int32_t threads = 0;         // 0: all cores
};

struct UpdateOptions {
  std::vector<std::string> names = {};
  bool rollback = false;
  bool untried = false;
};

// The folders of other programs that hold models of this user.
models::Places PlacesOfUser();

int ListModels(const Common& common);
int ShowModel(const Common& common, const std::string& model,
              const std::vector<std::string>& words);
int PullModel(const Common& common, const PullOptions& options);
int RemoveModels(const Common& common, const std::vector<std::string>& names, bool force);
int CopyModel(const Common& common, const std::string& from, const std::string& to);
int CreateModel(const Common& common, const CreateOptions& options);
int QuantizeModel(const Common& common, const QuantizeOptions& options);
int ListOutdated(const Common& common, const std::vector<std::string>& names);
int UpdateModels(const Common& common, const UpdateOptions& options);
int ListEngines(const Common& common);
int StopModel(const Common& common, const std::string& model);
int BenchModel(const Common& common, const std::string& model);
int BenchQuality(const Common& common, const QualityOptions& options,
                 const std::vector<std::string>& words);
int TuneModel(const Common& common, const std::string& model);
int RunChat(const Common& common, const RunOptions& options);
int Ingest(const Common& common, const IngestOptions& options);
int Search(const Common& common, const SearchOptions& options);
int Classify(const Common& common, const ClassifyOptions& options);
int Embed(const Common& common, const EmbedOptions& options);
int CreateKey(const Common& common, const KeyOptions& options);
int ListKeys(const Common& common);
int RevokeKey(const Common& common, const std::string& name);
int ShowLedger(const Common& common, const LedgerOptions& options);
int ListBudgets(const Common& common, const std::string& name);
int ReleaseBudget(const Common& common, const std::string& name);
int ExplainDecision(const Common& common, const std::string& id);
int ReplayDecisions(const Common& common, const RouteOptions& options);
int SimulateRequests(const Common& common, const RouteOptions& options);
int LearnFromOutcomes(const Common& common);
int VoteOnDecision(const Common& common, const RouteOptions& options);
int Doctor(const Common& common, const std::vector<std::string>& words, bool hashes);
int LabelText(const Common& common, const std::string& file, const std::vector<std::string>& words);
int ProvePolicy(const Common& common, const std::vector<std::string>& words);
int CheckPolicy(const Common& common, const std::vector<std::string>& words);
int ShowPolicy(const Common& common, const std::vector<std::string>& words);
int AddBackend(const Common& common, const BackendOptions& options,
               const std::vector<std::string>& words);
int ListBackends(const Common& common, const std::vector<std::string>& words);
int ProbeBackend(const Common& common, const std::string& name);
int CheckConfig(const Common& common, const std::vector<std::string>& words);
int ShowConfig(const Common& common, const std::vector<std::string>& words);
int Version(const Common& common);

}  // namespace weir::cli
