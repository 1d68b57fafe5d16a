// bench --quality: what quantisations of a model cost and gain on this machine: size, perplexity,
// distance from the largest one, rates. Each model is held against the largest named in an engine
// process of its own (engine/quality.h says how, and how much memory it takes); one that is made
// for the measurement lies in the model store's folder for unfinished files and is gone before the
// next is made, also when this program is killed.
#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <optional>
#include <tuple>

#include "cli/engine_jobs.h"
#include "cli/exit_code.h"
#include "cli/input_file.h"
#include "cli/model_source.h"
#include "cli/options.h"
#include "cli/progress_bar.h"
#include "cli/quality_memory.h"
#include "cli/quality_report.h"
#include "cli/quality_text.h"
#include "cli/table.h"
#include "gguf/inspect.h"
#include "gguf/quantisation.h"
#include "gguf/types.h"
#include "hash/hash.h"
#include "models/writer.h"

namespace weir::cli {
namespace {

constexpr size_t kRowsMax = 16;
constexpr size_t kKeyDigits = 16;
constexpr int32_t kContextDefault = 512;

struct Text {
  std::string name = {};
  std::string bytes = {};
};

Result<Text> ReadText(const std::string& path) {
  if (path.empty()) return Text{"built-in", std::string(kQualityText)};
  auto text = ReadTextFile(path, wire::kQualityTextBytesMax);
  if (!text) return std::unexpected(text.error());
  return Text{path == "-" ? "standard input" : path, *std::move(text)};
}

// A file that is to be: writable before minutes of measuring begin, there when they have ended
// well, and as it was otherwise.
class Output {
 public:
  static Result<Output> Open(const std::string& path) {
    Output output(path);
    if (path.empty()) return output;
    std::ofstream file(output.aside_, std::ios::binary);
    if (!file || std::filesystem::is_directory(path)) {
      return Fail(
          Code::kInvalidArgument,
          fmt::format("cannot write {}; name a file in a folder that is there and yours", path),
          "svg", "not_writable");
    }
    return output;
  }
  ~Output() {
    std::error_code ignored;
    if (!aside_.empty()) std::filesystem::remove(aside_, ignored);
  }
  Output(Output&& other) noexcept
      : path_(std::move(other.path_)), aside_(std::exchange(other.aside_, {})) {}
  Output& operator=(Output&&) = delete;

  Result<void> Write(const std::string& text) {
    if (path_.empty()) return {};
    std::ofstream file(aside_, std::ios::binary);
    file << text;
    file.close();
    std::error_code error;
    if (file) std::filesystem::rename(aside_, path_, error);
    if (!file || error)
      return Fail(Code::kUnavailable, fmt::format("cannot write {}; is the disk full?", path_));
    return {};
  }

 private:
  explicit Output(std::string path)
      : path_(std::move(path)), aside_(path_.empty() ? "" : path_ + ".weir-part") {}

  std::string path_;   // empty: nothing is to be written
  std::string aside_;  // beside it, and taken away
};

// One that is to be measured: a model that is there, or a type to make of the first one.
struct Candidate {
  std::string name = {};
  std::optional<ModelSource> source = {};
  uint32_t type = 0;
};

Result<void> CheckMeasurable(const ModelSource& source) {
  if (!source.manifest.adapters.empty())
    return Fail(Code::kUnprocessable,
                fmt::format("{} has adapters, which are left out here; name the model that it was "
                            "made of",
                            source.name()),
                "model", "has_adapters");
  if (!source.info.capabilities.embedding && !source.info.capabilities.rerank) return {};
  return Fail(Code::kInvalidArgument,
              fmt::format("{} makes vectors and does not predict text, so it has no perplexity; "
                          "name a model that generates",
                          source.name()),
              "model", "does_not_generate");
}

Error Twice(const std::string& name) {
  return {Code::kInvalidArgument, fmt::format("{} stands there twice; name each once", name),
          "model"};
}

bool Has(const std::vector<Candidate>& candidates, const std::string& name) {
  return std::ranges::find(candidates, name, &Candidate::name) != candidates.end();
}

Result<std::vector<Candidate>> CandidatesOf(const Common& common, const QualityOptions& options) {
  std::vector<Candidate> candidates;
  for (const std::string& model : options.models) {
    auto source = OpenModelSource(common, model);
    if (!source) return Fail(source.error());
    if (auto good = CheckMeasurable(*source); !good) return Fail(good.error());
    const bool again = std::ranges::count(options.models, model) > 1;
    // Files of one name in two folders are told apart by their paths.
    std::string name = source->name();
    if (!source->stored() && Has(candidates, name)) name = model;
    if (again || Has(candidates, name)) return Fail(Twice(name));
    candidates.push_back({.name = std::move(name), .source = std::move(*source)});
  }
  for (const std::string& asked : options.types) {
    const auto number = gguf::QuantisationNumber(asked);
    if (!number) return Fail(UnknownQuantisation(asked));
    std::string name =
        QuantisedName(*candidates.front().source, std::string(gguf::FileTypeName(*number)));
    if (Has(candidates, name)) return Fail(Twice(name));
    candidates.push_back({.name = std::move(name), .type = *number});
  }
  if (candidates.size() > kRowsMax) {
    return Fail(Code::kInvalidArgument, fmt::format("name at most {} models and types", kRowsMax),
                "model");
  }
  return candidates;
}

// Of the models that are there, the one with the most bytes: what is made of a smaller one is no
// better for being larger.
size_t BaseOf(const std::vector<Candidate>& candidates) {
  size_t base = 0;
  for (size_t i = 1; i < candidates.size(); ++i) {
    if (candidates[i].source &&
        candidates[i].source->opened.size > candidates[base].source->opened.size) {
      base = i;
    }
  }
  return base;
}

class QualityBench {
 public:
  QualityBench(const Common& common, const QualityOptions& options, MeasuringRoom room, Text text,
               std::vector<Candidate> candidates)
      : common_(common),
        options_(options),
        room_(std::move(room)),
        text_(std::move(text)),
        candidates_(std::move(candidates)),
        base_(BaseOf(candidates_)),
        bar_(!common.json) {}

  Result<QualityReport> Run() {
    QualityReport report{.text = text_.name,
                         .text_bytes = text_.bytes.size(),
                         .text_sha256 = Sha256::Of(text_.bytes)};
    report.context_tokens = Context();
    if (auto fits = CheckRoom(); !fits) return Fail(fits.error());
    for (size_t i = 0; i < candidates_.size(); ++i) {
      if (i == base_ && candidates_.size() > 1) continue;
      auto measured = MeasureOne(candidates_[i], i == base_, report);
      if (!measured) return Fail(measured.error());
    }
    std::ranges::sort(report.rows.begin() + 1, report.rows.end(), std::ranges::greater(),
                      [](const QualityRow& row) { return std::tie(row.size, row.name); });
    return report;
  }

 private:
  const ModelSource& base() const { return *candidates_[base_].source; }

  int32_t Context() const {
    const auto trained = static_cast<int64_t>(base().info.context_length);
    if (options_.context_tokens > 0) return options_.context_tokens;
    return trained > 0 ? static_cast<int32_t>(std::min<int64_t>(kContextDefault, trained))
                       : kContextDefault;
  }

  // Of those that are there; what is made of them is no larger.
  Result<void> CheckRoom() const {
    for (size_t i = 0; i < candidates_.size(); ++i) {
      if (!candidates_[i].source) continue;
      std::vector<ModelToMeasure> together = {{candidates_[base_].name, &base().info}};
      if (i != base_) together.push_back({candidates_[i].name, &candidates_[i].source->info});
      if (auto fits = CheckMeasuringFits(together, Context(), room_); !fits) return fits;
    }
    return {};
  }

  static QualityRow RowOf(const std::string& name, const gguf::Info& info) {
    return {.name = name,
            .type = info.quantisation,
            .size = info.file_size,
            .parameters = info.parameters};
  }

  Result<void> MeasureOne(const Candidate& candidate, bool alone, QualityReport& report) {
    if (candidate.source) {
      return Compare(candidate.source->opened.fd.get(),
                     RowOf(candidate.name, candidate.source->info), alone, report);
    }
    if (!writer_) {
      auto opened = models::Writer::Open(common_.folders.models, SystemClock().WallNow());
      if (!opened) return Fail(opened.error());
      writer_ = std::move(*opened);
    }
    auto partial = writer_->Begin(std::string(models::kUploadPrefix) + "quality-" +
                                  Sha256::Of(candidate.name).substr(0, kKeyDigits));
    if (!partial) return Fail(partial.error());
    auto compared = Make(candidate, partial->key());
    if (compared) {
      const auto info = gguf::InspectDescriptor(partial->data());
      if (!info) {
        compared = Fail(info.error());
      } else {
        QualityRow row = RowOf(candidate.name, *info);
        row.made = true;
        compared = CheckMeasuringFits({{candidates_[base_].name, &base().info}, {row.name, &*info}},
                                      report.context_tokens, room_);
        if (compared) compared = Compare(partial->data(), std::move(row), /*alone=*/false, report);
      }
    }
    writer_->Discard(std::move(*partial));
    return compared;
  }

  Result<void> Make(const Candidate& candidate, const std::string& key) {
    const ModelSource& from = *candidates_.front().source;
    if (writer_->FreeBytes() < from.opened.size) {
      return Fail(Code::kUnavailable,
                  fmt::format("the disk of the model store has {} free; {} are kept for {}",
                              Bytes(writer_->FreeBytes()), Bytes(from.opened.size), candidate.name),
                  {}, "disk_full");
    }
    const std::string what = "quantizing " + candidate.name;
    return QuantizeFile({.model = from.opened.fd.get(),
                         .type = candidate.type,
                         .threads = options_.threads,
                         .again = true,
                         .output = fmt::format("{}/partial/{}/data", writer_->store().root(), key)},
                        [&](float share) { bar_.Show(what, share); });
  }

  // The base and, unless it is alone, the model behind `file`.
  Result<void> Compare(int file, QualityRow row, bool alone, QualityReport& report) {
    std::vector<int> files = {base().opened.fd.get()};
    if (!alone) files.push_back(file);
    const std::string what = "measuring " + row.name;
    const bool first = report.rows.empty();
    auto measured = MeasureFiles(files,
                                 {.context_tokens = report.context_tokens,
                                  .windows_max = options_.windows,
                                  .threads = options_.threads,
                                  .rates_of_all = first,
                                  .text = text_.bytes},
                                 [&](float share) { bar_.Show(what, share); });
    bar_.Clear();
    if (!measured) {
      Error error = measured.error();
      error.message = fmt::format("{}: {}", row.name, error.message);
      return Fail(std::move(error));
    }
    if (first) {
      report.windows = measured->windows;
      report.tokens = measured->tokens;
      report.threads = measured->threads;
      report.rows.push_back(RowOf(candidates_[base_].name, base().info));
      report.rows.front().quality = measured->models.front();
    }
    if (alone) return {};
    row.quality = measured->models.back();
    report.rows.push_back(std::move(row));
    return {};
  }

  const Common& common_;
  const QualityOptions& options_;
  const MeasuringRoom room_;
  const Text text_;
  const std::vector<Candidate> candidates_;
  const size_t base_;
  ProgressBar bar_;
  std::optional<models::Writer> writer_ = {};
};

void NoteLoss(const std::vector<Candidate>& candidates, const QualityOptions& options) {
  const std::string& type = candidates.front().source->info.quantisation;
  if (options.types.empty() || !gguf::IsQuantised(type)) return;
  fmt::print(stderr,
             "weir: note: {} is {} already; what is made of it loses more than the same from F16 "
             "would\n",
             candidates.front().name, type);
}

}  // namespace

int BenchQuality(const Common& common, const QualityOptions& options,
                 const std::vector<std::string>& words) {
  auto text = ReadText(options.text);
  if (!text) return Report(text.error());
  auto candidates = CandidatesOf(common, options);
  if (!candidates) return Report(candidates.error());
  auto svg = Output::Open(options.svg);
  if (!svg) return Report(svg.error());
  NoteLoss(*candidates, options);
  QualityBench bench(common, options, RoomToMeasure(common, words), std::move(*text),
                     std::move(*candidates));
  const auto report = bench.Run();
  if (!report) return Report(report.error());
  if (auto written = svg->Write(QualitySvg(*report)); !written) return Report(written.error());
  fmt::print("{}", common.json        ? QualityJson(*report)
                   : options.markdown ? QualityMarkdown(*report)
                                      : QualityTable(*report));
  return 0;
}

}  // namespace weir::cli
