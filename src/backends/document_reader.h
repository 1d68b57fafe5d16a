// Documents read by reader processes, one for each document (docs/internals/knowledge.md). The
// launcher starts them; what they answer is checked before anybody uses it.
//
// I/O thread only. Ingest sees it through the interface, so that tests can read in other ways.
#pragma once

#include <cstdint>
#include <memory>

#include "async/event.h"
#include "async/task.h"
#include "backends/launcher_link.h"
#include "base/clock.h"
#include "base/result.h"
#include "wire/document.h"

namespace weir::backends {

class DocumentReader {
 public:
  virtual ~DocumentReader() = default;
  // kUnprocessable, kTooLarge: what the reader said of the document; also broken_document when it
  // ended on it, document_too_slow when it took too long. kUnavailable: none can be started.
  virtual Task<Result<wire::Pages>> Read(wire::Document document) = 0;
};

class ReaderProcesses final : public DocumentReader {
 public:
  struct Options {
    size_t readers_max = 2;  // at once; others wait
    Duration patience = std::chrono::seconds(90);
  };

  // All of them outlive it.
  ReaderProcesses(const Executor& executor, const Clock& clock, EngineStarter& starter,
                  const Options& options);
  Task<Result<wire::Pages>> Read(wire::Document document) override;

 private:
  class Seat;
  Task<Result<wire::Pages>> Converse(int socket, wire::Document document);

  Executor executor_;
  const Clock& clock_;
  EngineStarter& starter_;
  const Options options_;
  Event changed_;
  size_t running_ = 0;
  uint64_t next_id_ = wire::kReaderIdFirst;
};

}  // namespace weir::backends
