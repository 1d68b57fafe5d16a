// Pulling a model for a command: starts a fetch process for each source that has to be tried, shows
// how far it is, and gives what came of it.
#pragma once

#include <functional>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "fetch/job.h"

namespace weir::cli {

struct PullRequest {
  std::string reference;
  std::string name = {};  // in the store; empty: made of the reference
  std::string store = {};
  int64_t connections = 4;
  bool check_only = false;
  bool keep_previous = false;
  bool again = false;
};

using OnEvent = std::function<void(const fetch::Event&)>;

// The kDone event, or why no source gave the model. `on_event` sees everything on the way but the
// end. SIGINT ends this process, and with it the fetch process; what arrived is kept.
Result<fetch::Event> Pull(const PullRequest& request, const OnEvent& on_event);

// Copies a LoRA adapter or a projector into the store, for a name to come: kDone says under which
// sha256. `path` is absolute or as seen from here.
Result<fetch::Event> TakeBeside(fetch::Work work, const std::string& path, const std::string& store,
                                const OnEvent& on_event);

// A bar on a terminal, a line every few seconds elsewhere, JSON lines on stdout with `json`.
class PullDisplay {
 public:
  explicit PullDisplay(bool json);
  void Show(const fetch::Event& event);
  // Once, with what came of it.
  void End(const Result<fetch::Event>& outcome);

 private:
  void ShowProgress(const fetch::Event& event);
  void Clear();

  const bool json_;
  const bool terminal_;
  std::string name_ = {};
  bool drawn_ = false;
  MonotonicTime shown_ = {};
  MonotonicTime sampled_ = {};
  uint64_t sampled_bytes_ = 0;
  double rate_ = 0;  // bytes/s, smoothed
};

}  // namespace weir::cli
