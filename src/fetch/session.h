// What the parts of one pull share: the job, the way to say events, the store. Inside fetch/ only.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "fetch/job.h"
#include "fetch/reference.h"
#include "fetch/transfer.h"
#include "http/download.h"
#include "models/catalogue.h"
#include "models/writer.h"

namespace weir::fetch {

// Events as lines on a descriptor; progress at most ten times a second. When nobody reads any more
// the process ends at its next event: the pull was interrupted.
class Reporter {
 public:
  explicit Reporter(int output) : output_(output) {}
  void Note(std::string text);
  void Begin(std::string name, uint64_t total, std::string sha256 = "");
  void Progress(uint64_t done, uint64_t total);
  void Say(const Event& event);

 private:
  int output_;
  MonotonicTime last_{};
};

struct Session {
  const Job& job;
  Reporter& reporter;
  models::Writer& writer;
  http::Downloads& downloads;
};

// Gives up what a pull needs no more: other programs, all files but the store and `writable`, and
// without `network` every connection.
void CloseOff(const Job& job, bool network, std::vector<std::string> writable = {});

// One of several files that make a model, or one beside it.
struct PartFile {
  std::string url;
  uint64_t size = 0;
  std::string sha256;
};

// A model as its source has it, before a byte of it is fetched.
struct Source {
  models::Name name = {};
  std::string reference = {};  // for the manifest
  std::string who = {};
  std::string url = {};
  std::string token = {};
  std::vector<PartFile> parts = {};  // of a split model; then `url` and `sha256` are empty
  uint64_t size = 0;
  std::string sha256 = {};
  std::string revision = {};
  std::string licence = {};
  std::string chat_template = {};
  std::string system = {};
  std::string licence_text = {};
  std::vector<models::Parameter> parameters = {};
  std::vector<PartFile> adapters = {};
  std::optional<PartFile> projector = {};
};

// Asks the source. The name is the job's, or made of the reference.
Result<Source> FindSource(const Session& session, const Reference& reference);

// The commit's beginning: what every manifest of a fetched model says.
models::Manifest ManifestOf(const Source& source, const std::string& sha256, uint64_t size);

// One file of a source into its partial, which is there, over the connections of the job.
// FetchFile's errors; after those that another try would meet again the partial is discarded and no
// longer there.
Result<Arrived> FetchInto(const Session& session, const Source& source, const PartFile& file,
                          std::optional<models::Partial>& partial,
                          const std::function<void(uint64_t, uint64_t)>& on_progress);

// Holds a whole file against the inspector. kUnprocessable with the inspector's reason.
Result<void> Inspect(int file);

// The parts, each fetched like a file of its own, joined into one model in `whole`; its sha256.
Result<std::string> FetchParts(const Session& session, const Source& source,
                               models::Partial& whole);

// The partial of `key`, once no other process has it. Nothing when the other one finished and
// `is_there` says so.
Result<std::optional<models::Partial>> BeginOrWait(const Session& session, const std::string& key,
                                                   const std::function<bool()>& is_there);

}  // namespace weir::fetch
