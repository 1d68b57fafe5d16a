// quantize: a model with its weights in another type, made by an engine process of its own and
// stored like one that was pulled.
#include <fmt/core.h>
#include <unistd.h>

#include <cerrno>
#include <optional>

#include "base/time_text.h"
#include "cli/engine_jobs.h"
#include "cli/exit_code.h"
#include "cli/model_source.h"
#include "cli/options.h"
#include "cli/progress_bar.h"
#include "cli/table.h"
#include "gguf/inspect.h"
#include "gguf/quantisation.h"
#include "gguf/types.h"
#include "hash/hash.h"
#include "json/writer.h"
#include "models/writer.h"

namespace weir::cli {
namespace {

constexpr auto kLineEvery = std::chrono::milliseconds(100);
constexpr size_t kBlockBytes = size_t{1} << 20;
constexpr size_t kKeyDigits = 16;

// A bar on a terminal, JSON lines on stdout with --json, else nothing until the end.
class Display {
 public:
  explicit Display(bool json) : json_(json), bar_(!json) {}

  void Show(float share) {
    if (!json_) return bar_.Show("quantizing", share);
    const MonotonicTime now = SystemClock().Now();
    if (now - shown_ < kLineEvery) return;
    shown_ = now;
    std::string line;
    json::Writer(&line)
        .BeginObject()
        .Field("event", "progress")
        .Field("fraction", static_cast<double>(share))
        .EndObject();
    fmt::print("{}\n", line);
    std::fflush(stdout);
  }

 private:
  const bool json_;
  ProgressBar bar_;
  MonotonicTime shown_ = {};
};

Result<models::Name> NameOf(const ModelSource& source, const std::string& asked,
                            const std::string& type) {
  auto name = models::ParseName(asked.empty() ? QuantisedName(source, type) : asked);
  if (name && name->tag.empty()) name->tag = models::kDefaultTag;
  return name;
}

// The file's bytes as the store knows them, when they are a model.
Result<void> TakeFacts(int file, models::Manifest& manifest) {
  auto info = gguf::InspectDescriptor(file);
  if (!info) return Fail(info.error());
  Sha256 hash;
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

Result<models::Manifest> Make(const models::Writer& writer, const ModelSource& source,
                              const models::Name& name, const std::string& type,
                              const QuantizeOptions& options, Display& display) {
  if (writer.FreeBytes() < source.opened.size) {
    return Fail(Code::kUnavailable,
                fmt::format("the disk of the model store has {} free; {} are kept for the new file",
                            Bytes(writer.FreeBytes()), Bytes(source.opened.size)),
                {}, "disk_full");
  }
  auto partial = writer.Begin(std::string(models::kUploadPrefix) + "quantize-" +
                              Sha256::Of(name.ToString()).substr(0, kKeyDigits));
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
  auto made = QuantizeFile({.model = source.opened.fd.get(),
                            .type = gguf::QuantisationNumber(type).value_or(0),
                            .threads = options.threads,
                            .again = options.again,
                            .output = output},
                           [&](float share) { display.Show(share); });
  if (made) made = TakeFacts(partial->data(), manifest);
  if (!made) {
    writer.Discard(std::move(*partial));
    return Fail(made.error());
  }
  if (auto kept = writer.Commit(std::move(*partial), manifest, /*keep_previous=*/false); !kept)
    return Fail(kept.error());
  return manifest;
}

Result<void> Check(const models::Store& store, const ModelSource& source, const models::Name& name,
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

void PrintMade(const Common& common, const ModelSource& source, const models::Manifest& manifest,
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
  if (!number) return Report(UnknownQuantisation(options.type));
  const std::string type{gguf::FileTypeName(*number)};
  const auto source = OpenModelSource(common, options.model);
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
