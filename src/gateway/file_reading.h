// Reads kept files into their collections, one after the other, for as long as the server runs.
// What is to be read stands in the registry, so that it goes on after a restart. An unreadable file
// is failed with its reason; one that nobody could read just now is tried again, a few times.
//
// I/O thread. It must have ended (End) before what it stands on is destroyed.
#pragma once

#include <map>
#include <string>

#include "async/recurring.h"
#include "async/task.h"
#include "files/store.h"
#include "gateway/ingest.h"

namespace weir::gateway {

class FileReading {
 public:
  static constexpr int kAttemptsMax = 5;

  FileReading(const Executor& executor, Gateway& gateway, Documents& documents,
              files::Store& files);

  void Begin() { running_.Begin(); }
  // There may be something to read.
  void Wake() { running_.Wake(); }
  // What was being read stays to be read.
  Task<void> End() { return running_.End(); }

 private:
  struct Failures {
    int count = 0;
    MonotonicTime again_at = {};
  };

  // False when it was cancelled.
  Task<bool> ReadSome();
  // kTooLarge where no reader takes as much.
  Task<Result<std::string>> Content(std::string tenant, std::string id);
  Task<Result<void>> ReadOne(knowledge::DocumentInfo document);
  Task<Result<void>> Failed(knowledge::DocumentInfo document, Error why);
  MonotonicTime NextLook() const;

  Gateway& gateway_;
  Documents& documents_;
  files::Store& files_;
  std::map<std::string, Failures> failures_ = {};  // by document, of those that wait
  Recurring running_;
};

}  // namespace weir::gateway
