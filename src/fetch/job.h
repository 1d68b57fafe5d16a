// What a fetch process and whoever started it say to each other: one Job down, as a JSON document
// on a line; Events up, one JSON document a line. The last event is kDone or kFailed; a process
// that ends without either has crashed. `weir pull` talks over the standard input and output, the
// gateway over a socket, and with kKeep the file's bytes follow the job once kBegin has come.
//
// Values; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace weir::fetch {

inline constexpr size_t kJobBytesMax = 3 * 1024 * 1024;  // a manifest of 1 MiB, quoted
inline constexpr size_t kEventBytesMax = 16 * 1024;

// All but kPull, kAdapter and kProjector is what a server does for its clients; commands write the
// store themselves.
enum class Work : uint8_t {
  kPull,
  kName,       // gives `manifest`'s name to a file that is in the store
  kRemove,     // takes `name` away
  kKeep,       // takes a file of `sha256` in, for a kName to come
  kAdapter,    // takes the adapter at the path `reference` in, likewise; of commands alone
  kProjector,  // likewise a projector
};

// Whether it reads a file of this machine, so that no client of a server may ask for it.
constexpr bool TakesFile(Work work) { return work == Work::kAdapter || work == Work::kProjector; }

struct Job {
  std::string reference;  // fetch/reference.h; of a catalogue's entry with the next field
  int64_t source = -1;    // which source of the entry
  std::string name;       // in the store; empty: made of the reference
  std::string store;      // the model store's folder
  std::string cache;      // where packages are kept until their model is committed
  std::string hub;        // address of Hugging Face, or of what stands for it
  std::string hub_token;  // sent to `hub` alone
  std::string registry;   // address of Ollama's registry, or of what stands for it
  std::string ca_file;    // trust roots; empty: the system's
  int64_t connections = 4;
  int64_t stall_ms = 30'000;
  bool check_only = false;  // say what the source has now, and fetch nothing
  bool keep_previous = false;
  bool again = false;  // ask the source even when the store has the model
  Work work = Work::kPull;
  std::string manifest;  // kName: as a store has it
  std::string sha256;    // kKeep
  uint64_t size = 0;     // kKeep: bytes; 0 when nobody said
};

struct Event {
  enum class Kind : uint8_t {
    kNote,      // `text` for people
    kBegin,     // `text`: the model's name; `total` bytes, 0 when not known; `sha256` when known
    kProgress,  // `done` of `total`
    kDone,      // `text`: the name; the rest of what is known
    kFailed,
  };
  Kind kind = Kind::kNote;
  std::string text = {};
  uint64_t done = 0;
  uint64_t total = 0;
  std::string sha256 = {};
  std::string revision = {};
  std::string licence = {};
  bool fetched = false;  // kDone: false when it was there already
  Error error = {};
};

std::string PrintJob(const Job& job);
Result<Job> ParseJob(std::string_view json);
std::string PrintEvent(const Event& event);  // without the newline
Result<Event> ParseEvent(std::string_view json);

}  // namespace weir::fetch
