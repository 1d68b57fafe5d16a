// What `weir ingest` shows: a bar on a terminal, a line for each document that failed, the sum of
// it all; or JSON.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/clock.h"

namespace weir::cli {

// What became of a document.
struct IngestOutcome {
  std::string name = {};
  std::string status = {};  // ready, unchanged, duplicate, failed, removed
  std::string reason = {};
  std::string message = {};
  int64_t chunks = 0;
  int64_t embedded = 0;
};

class IngestDisplay {
 public:
  IngestDisplay(bool json, size_t total);

  void Begin(size_t number, const std::string& name);
  void Failed(const IngestOutcome& outcome);
  void Clear();

 private:
  const bool quiet_;
  const bool terminal_;
  const size_t total_;
  MonotonicTime drawn_at_ = {};
};

void PrintIngestJson(const std::string& collection, const std::vector<IngestOutcome>& outcomes,
                     const std::vector<std::string>& removed, size_t skipped);
void PrintIngestSummary(const std::string& collection, const std::vector<IngestOutcome>& outcomes,
                        size_t removed, size_t skipped);
// One change of a watched folder, on a line.
void PrintIngestLine(const IngestOutcome& outcome, bool json);

}  // namespace weir::cli
