// quantize: a model with its weights in another type, made by an engine process of its own and
// stored like one that was pulled.
#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <optional>

#include "base/time_text.h"
#include "cli/exit_code.h"
#include "cli/model_path.h"
#include "cli/options.h"
#include "cli/table.h"
#include "gguf/inspect.h"
#include "gguf/quantisation.h"
#include "gguf/types.h"
#include "json/writer.h"
#include "models/sha256.h"
#include "models/writer.h"
#include "process/child.h"
#include "process/socket_pair.h"
#include "supervisor/launcher.h"
#include "wire/control.h"
#include "wire/engine.h"
#include "wire/frame.h"

namespace weir::cli {
namespace {

constexpr auto kBarEvery = std::chrono::milliseconds(100);
constexpr size_t kBarCells = 30;
constexpr size_t kBlockBytes = size_t{1} << 20;
constexpr size_t kKeyDigits = 16;

// A bar on a terminal, JSON lines on stdout with --json, else nothing until the end.
class Display {
 public:
  explicit Display(bool json) : json_(json), terminal_(!json && isatty(STDERR_FILENO) != 0) {}
  ~Display() {
    if (drawn_) fmt::print(stderr, "\r\033[K");
  }
  Display(const Display&) = delete;
  Display& operator=(const Display&) = delete;

  void Show(float share) {
    const MonotonicTime now = SystemClock().Now();
    if ((!json_ && !terminal_) || now - shown_ < kBarEvery) return;
    shown_ = now;
    if (json_) {
      std::string line;
      json::Writer(&line)
          .BeginObject()
          .Field("event", "progress")
          .Field("fraction", static_cast<double>(share))
          .EndObject();
      fmt::print("{}\n", line);
      std::fflush(stdout);
      return;
    }
    drawn_ = true;
    const auto filled = std::min(static_cast<size_t>(share * kBarCells), kBarCells);
    fmt::print(stderr, "\r\033[Kquantizing [{}{}] {:3.0f} %", std::string(filled, '#'),
               std::string(kBarCells - filled, '.'), 100 * share);
    std::fflush(stderr);
  }

 private:
  const bool json_;
  const bool terminal_;
  bool drawn_ = false;
  MonotonicTime shown_ = {};
};

struct Source {
  models::OpenedModel opened = {};
  models::Manifest manifest = {};  // what a file by its path has none of is empty
  gguf::Info info = {};
};

Result<Source> SourceOf(const Common& common, const std::string& model) {
  Source source;
  if (IsModelPath(model)) {
    auto opened = models::OpenModelFile(model);
    if (!opened) return Fail(opened.error());
    source.opened = std::move(*opened);
    source.manifest.format = "gguf";
  } else {
    const models::Store store(common.folders.models, PlacesOfUser());
    auto manifest = store.Resolve(model);
    auto opened = store.Open(model);
    if (!manifest || !opened) return Fail(manifest ? opened.error() : manifest.error());
    source.manifest = std::move(*manifest);
    source.opened = std::move(*opened);
  }
  auto info = gguf::InspectDescriptor(source.opened.fd.get());
  if (!info) {
    Error error = info.error();
    error.message = fmt::format("{} is no good model file; {}", source.opened.name, error.message);
    return Fail(std::move(error));
  }
  source.info = std::move(*info);
  return source;
}

std::string Lower(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

// "smollm2:135m" and Q4_0: "smollm2:135m-q4_0".
Result<models::Name> NameOf(const Source& source, const std::string& asked,
                            const std::string& type) {
  const bool stored = !source.manifest.name.model.empty();
  const std::string made = stored ? source.manifest.name.ToString() + "-" + Lower(type)
                                  : source.opened.name + ":" + Lower(type);
  auto name = models::ParseName(asked.empty() ? made : asked);
  if (name && name->tag.empty()) name->tag = models::kDefaultTag;
  return name;
}

Error Crashed(const std::string& how) {
  return {Code::kInternal,
          fmt::format("the engine process that quantises ended with {}", how),
          {},
          "engine_crashed"};
}

// Frames of the engine process until it is gone; the failure that it told.
std::optional<Error> Listen(int socket, Display& display) {
  wire::FrameReader frames(size_t{64} << 10);
  char block[4096];
  std::optional<Error> failure;
  for (;;) {
    const ssize_t got = read(socket, block, sizeof block);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return failure;
    frames.Append(std::string_view(block, static_cast<size_t>(got)));
    for (;;) {
      const auto frame = frames.Next();
      if (!frame) return frame.error();
      if (!*frame) break;
      if ((*frame)->kind == static_cast<uint16_t>(wire::EngineFrame::kLoading)) {
        if (const auto loading = wire::Decode<wire::Loading>((*frame)->body))
          display.Show(loading->fraction);
      } else if (const auto said = wire::Decode<wire::Failure>((*frame)->body)) {
        failure = wire::ErrorOf(*said);
      }
    }
  }
}

Result<void> RunEngine(const Source& source, uint32_t type, const QuantizeOptions& options,
                       const std::string& output, Display& display) {
  const auto folder = ProgramFolder();
  if (!folder) return Fail(folder.error());
  auto sockets = MakeStreamPair();
  auto nowhere = OpenReadOnly("/dev/null");
  if (!sockets || !nowhere) return Fail(sockets ? nowhere.error() : sockets.error());
  auto child =
      Child::Spawn({.program = *folder + "/weir-engine",
                    .arguments = {"quantize", std::to_string(type), std::to_string(options.threads),
                                  options.again ? "again" : "once", output},
                    .environment = {},
                    .descriptors = {{2, nowhere->get()},  // ggml prints there, past every log
                                    {wire::kEngineSocketFd, sockets->theirs.get()},
                                    {wire::kEngineFileFdFirst, source.opened.fd.get()}}});
  if (!child)
    return Fail(Code::kInternal, "weir-engine is not beside this program; install Weir again");
  sockets->theirs.Reset();
  const auto failure = Listen(sockets->ours.get(), display);
  const ChildEnd end = child->Wait();
  if (failure) return Fail(*failure);
  if (!end.Clean()) return Fail(Crashed(end.ToString()));
  return {};
}

// The file's bytes as the store knows them, when they are a model.
Result<void> TakeFacts(int file, models::Manifest& manifest) {
  auto info = gguf::InspectDescriptor(file);
  if (!info) return Fail(info.error());
  models::Sha256 hash;
  std::string block(kBlockBytes, '\0');
  uint64_t size = 0;
  for (;;) {
    const ssize_t got = pread(file, block.data(), block.size(), static_cast<off_t>(size));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return Fail(models::StoreError("cannot read what was written", errno));
    if (got == 0) break;
    hash.Add(std::string_view(block.data(), static_cast<size_t>(got)));
    size += static_cast<uint64_t>(got);
  }
  manifest.sha256 = hash.Hex();
  manifest.size = size;
  return {};
}

Result<models::Manifest> Make(const models::Writer& writer, const Source& source,
                              const models::Name& name, const std::string& type,
                              const QuantizeOptions& options, Display& display) {
  if (writer.FreeBytes() < source.opened.size) {
    return Fail(Code::kUnavailable,
                fmt::format("the disk of the model store has {} free; {} are kept for the new file",
                            Bytes(writer.FreeBytes()), Bytes(source.opened.size)),
                {}, "disk_full");
  }
  auto partial = writer.Begin(std::string(models::kUploadPrefix) + "quantize-" +
                              models::Sha256::Of(name.ToString()).substr(0, kKeyDigits));
  if (!partial) return Fail(partial.error());
  const std::string output =
      fmt::format("{}/partial/{}/data", writer.store().root(), partial->key());
  models::Manifest manifest = source.manifest;
  manifest.name = name;
  manifest.path.clear();
  manifest.revision.clear();
  manifest.source = fmt::format("quantize:{} {}", source.opened.name, type);
  manifest.created = TimeText(SystemClock().WallNow());
  if (manifest.licence.empty()) manifest.licence = source.info.licence;
  auto made =
      RunEngine(source, gguf::QuantisationNumber(type).value_or(0), options, output, display);
  if (made) made = TakeFacts(partial->data(), manifest);
  if (!made) {
    writer.Discard(std::move(*partial));
    return Fail(made.error());
  }
  if (auto kept = writer.Commit(std::move(*partial), manifest, /*keep_previous=*/false); !kept)
    return Fail(kept.error());
  return manifest;
}

Result<void> Check(const models::Store& store, const Source& source, const models::Name& name,
                   bool again) {
  if (!again && gguf::IsQuantised(source.info.quantisation)) {
    return Fail(Code::kInvalidArgument,
                fmt::format("{} is {} already, and loses more than the same from F16 would; "
                            "--again does it all the same",
                            source.opened.name, source.info.quantisation),
                "model");
  }
  const auto there = store.WholeName(name.ToString());
  if (there && store.Resolve(there->ToString())) {
    return Fail(Code::kConflict,
                fmt::format("there is a model {}; give another with --name, or remove it first",
                            name.ToString()),
                "name");
  }
  return {};
}

void PrintMade(const Common& common, const Source& source, const models::Manifest& manifest,
               const std::string& type) {
  if (common.json) {
    std::string line;
    json::Writer(&line)
        .BeginObject()
        .Field("event", "done")
        .Field("name", manifest.name.ToString())
        .Field("sha256", manifest.sha256)
        .Field("size", manifest.size)
        .Field("quantisation", type)
        .EndObject();
    fmt::print("{}\n", line);
    return;
  }
  fmt::print("{} made ({} {}; {} was {} {})\n", manifest.name.ToString(), type,
             Bytes(manifest.size), source.opened.name, source.info.quantisation,
             Bytes(source.opened.size));
}

}  // namespace

int QuantizeModel(const Common& common, const QuantizeOptions& options) {
  const auto number = gguf::QuantisationNumber(options.type);
  if (!number) {
    std::string all;
    for (const std::string_view each : gguf::Quantisations())
      all += (all.empty() ? "" : ", ") + std::string(each);
    return Report({Code::kInvalidArgument,
                   fmt::format("'{}' is no type to quantise to; there are {}", options.type, all),
                   "type"});
  }
  const std::string type{gguf::FileTypeName(*number)};
  const auto source = SourceOf(common, options.model);
  if (!source) return Report(source.error());
  const auto name = NameOf(*source, options.name, type);
  if (!name) return Report(name.error());
  const auto writer = models::Writer::Open(common.folders.models, SystemClock().WallNow());
  if (!writer) return Report(writer.error());
  if (auto fine = Check(writer->store(), *source, *name, options.again); !fine)
    return Report(fine.error());
  std::optional<Display> display(common.json);
  const auto made = Make(*writer, *source, *name, type, options, *display);
  display.reset();  // takes the bar away
  if (!made) return Report(made.error());
  PrintMade(common, *source, *made, type);
  return 0;
}

}  // namespace weir::cli
