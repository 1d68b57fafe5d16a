// The protocol between the launcher and the gateway, over the Unix message socket that the gateway
// inherits. One message is one packet: a variant, encoded by archive.h, with at most one descriptor
// beside it.
//
//   gateway                     launcher
//   Ready             ────────▶           it answers on its listening sockets
//   StartEngine id    ────────▶
//                     ◀────────           EngineStarted id (+ the engine's socket) | EngineRefused
//                     id
//   StopEngine id     ────────▶
//                     ◀────────           EngineExited id: once for each EngineStarted
//                     ◀────────           Drain: finish what runs, then exit with 0
//                     ◀────────           Reload (+ the configuration as it is now)
//   Reloaded          ────────▶           once for each Reload: whether it took that. Then servers
//                     are its, and who is started from now on reads it
//                     ◀────────           ServerReport: how a supervised server of a backend is
//                     doing, when that changes, and of each after Ready
//   (its exit)                            engines are killed; the gateway is restarted, with a
//   bound
//
// Engine ids are the gateway's and are not used twice in one life of it. No request text and no key
// travels here. docs/internals/launcher.md tells who decides what.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "base/result.h"
#include "wire/archive.h"
#include "wire/engine.h"  // how a Code lies on the wire

namespace weir::wire {

inline constexpr size_t kControlMessageBytesMax = 32 * 1024;
inline constexpr size_t kControlTextBytesMax = 4096;  // a path, an address
inline constexpr size_t kEngineFilesMax = 8;          // of one engine
inline constexpr size_t kEnginesMax = 32;
inline constexpr uint32_t kStopGraceMsMax = 60'000;
// StartEngine with an id from here on and no files starts an egress process instead; the same
// answers come back. It reads the configuration that was handed down to it.
inline constexpr uint64_t kDoorIdFirst = uint64_t{1} << 63;
// With an id from here to there it starts a reader process (wire/document.h), also without files.
// Its end by itself is nobody's failure: what it read may have broken it.
inline constexpr uint64_t kReaderIdFirst = uint64_t{1} << 62;
inline constexpr size_t kReadersMax = 16;
// And with one from here to there a fetch process, which pulls models and changes the store
// (fetch/job.h). Like a reader's, its end is nobody's failure.
inline constexpr uint64_t kFetchIdFirst = uint64_t{1} << 61;
inline constexpr size_t kFetchesMax = 16;
inline constexpr size_t kDoorsMax = 4;  // the one in use, and older ones that finish their calls

// Numbers of inherited descriptors. Nothing else is open above 2.
inline constexpr int kGatewayControlFd = 3;
inline constexpr int kGatewayLockFd = 4;  // held for as long as it lives (process/file_lock.h)
inline constexpr int kGatewayConfigurationFd = 5;  // a copy (app/configuration_copy.h)
inline constexpr int kGatewayListenFdFirst = 6;    // this one and those that follow, in the order
                                                   // of the configuration
inline constexpr int kEngineSocketFd = 3;
inline constexpr int kEngineFileFdFirst = 4;  // the files of StartEngine, in that order
inline constexpr int kDoorConfigurationFd = 4;

struct Ready {
  std::vector<std::string> addresses =
      {};  // "http://127.0.0.1:9347", one for each listening socket
};

struct StartEngine {
  uint64_t engine = 0;
  std::vector<std::string> files =
      {};  // the model first; then its adapters and its projector. Opened for
           // reading by the launcher, if they lie in the model store
};

// The engine gets SIGTERM now and SIGKILL after the grace. One that hangs or broke the protocol
// gets SIGKILL now, and its end counts as a failure. So does every end that nobody asked for with
// this message, whatever the exit code.
struct StopEngine {
  uint64_t engine = 0;
  uint32_t grace_ms = 0;
  bool hangs = false;
};

// The configuration of the oldest Reload without an answer was taken, or refused. The launcher
// reads by itself what the commands of servers are: a gateway that was taken over cannot name a
// program.
struct Reloaded {
  bool taken = true;
};

using ToLauncher = std::variant<Ready, StartEngine, StopEngine, Reloaded>;

struct EngineStarted {
  uint64_t engine = 0;
  int32_t pid = 0;  // for people
};

struct EngineRefused {
  uint64_t engine = 0;
  Code code = Code::kInternal;
  std::string message = {};
  uint32_t retry_after_ms = 0;  // 0: asking again will not help
};

struct EngineExited {
  uint64_t engine = 0;
  bool stopped = false;         // StopEngine asked for it
  bool clean = false;           // exit code 0
  std::string how = {};         // "signal 11 (SEGV)"
  uint32_t retry_after_ms = 0;  // until a start of the same model is accepted again
  uint32_t failures = 0;        // of this model, remembered for the bound of restarts
};

struct Drain {
  uint32_t timeout_ms = 0;
};

struct Reload {};

enum class ServerState : uint8_t {
  kStarting,  // started or about to be; it has not said yet that it is ready
  kUp,
  kFailed,  // it failed too often and is started again after a while
};
template <>
inline constexpr int kEnumCount<ServerState> = 3;

inline constexpr size_t kServersMax = 64;
inline constexpr size_t kServerProblemBytesMax = 1500;

struct ServerReport {
  std::string backend = {};
  uint64_t fingerprint = 0;  // of the settings that it was started with
  ServerState state = ServerState::kStarting;
  int32_t pid = 0;              // 0: none runs
  uint32_t restarts = 0;        // in this life of the launcher
  uint32_t retry_after_ms = 0;  // of kFailed
  std::string problem = {};     // of the last failure
};

using ToGateway =
    std::variant<EngineStarted, EngineRefused, EngineExited, Drain, Reload, ServerReport>;

template <class Archive>
void Visit(Archive& a, Ready& v) {
  a(v.addresses);
}
template <class Archive>
void Visit(Archive& a, StartEngine& v) {
  a(v.engine, v.files);
}
template <class Archive>
void Visit(Archive& a, StopEngine& v) {
  a(v.engine, v.grace_ms, v.hangs);
}
template <class Archive>
void Visit(Archive& a, EngineStarted& v) {
  a(v.engine, v.pid);
}
template <class Archive>
void Visit(Archive& a, EngineRefused& v) {
  a(v.engine, v.code, v.message, v.retry_after_ms);
}
template <class Archive>
void Visit(Archive& a, EngineExited& v) {
  a(v.engine, v.stopped, v.clean, v.how, v.retry_after_ms, v.failures);
}
template <class Archive>
void Visit(Archive& a, Drain& v) {
  a(v.timeout_ms);
}
template <class Archive>
void Visit(Archive&, Reload&) {}
template <class Archive>
void Visit(Archive& a, Reloaded& v) {
  a(v.taken);
}
template <class Archive>
void Visit(Archive& a, ServerReport& v) {
  a(v.backend, v.fingerprint, v.state, v.pid, v.restarts, v.retry_after_ms, v.problem);
}

}  // namespace weir::wire
