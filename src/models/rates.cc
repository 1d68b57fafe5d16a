#include "models/rates.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cmath>
#include <cstdio>

#include "json/fields.h"
#include "json/parse.h"
#include "json/writer.h"
#include "process/fd.h"

namespace weir::models {
namespace {

constexpr int64_t kSchema = 1;
constexpr int64_t kCountMax = int64_t{1} << 40;
constexpr double kRateMax = 1e12;

std::string PathIn(const std::string& data_folder) { return data_folder + "/rates.json"; }

std::vector<RatePoint> ReadPoints(json::Fields& fields, const char* name, const char* unit) {
  std::vector<RatePoint> points;
  const json::Array* list = fields.List(name, kRatesPointsMax);
  for (size_t i = 0; list != nullptr && i < list->size(); ++i) {
    json::Fields point(fields.problem(), (*list)[i], fields.PathOf(name, i));
    points.push_back({point.Require().Int(unit, 1, kCountMax).value_or(1),
                      point.Require().Number("tokens_per_s", 0, kRateMax).value_or(0)});
  }
  return points;
}

void WritePoints(json::Writer& writer, const char* name, const char* unit,
                 const std::vector<RatePoint>& points) {
  if (points.empty()) return;
  writer.Key(name).BeginArray();
  for (const RatePoint& point : points) {
    writer.BeginObject().Field(unit, point.at).Field("tokens_per_s", point.tokens_per_s);
    writer.EndObject();
  }
  writer.EndArray();
}

std::optional<KernelChoice> ReadKernel(json::Fields& fields) {
  auto kernel = fields.Nested("kernel");
  if (!kernel) return std::nullopt;
  return KernelChoice{kernel->Require().Bool("flash_attention").value_or(true),
                      kernel->Require().Int("micro_batch", 1, kMicroBatchMax).value_or(1)};
}

Result<void> WriteWhole(const Fd& file, std::string_view text) {
  while (!text.empty()) {
    const ssize_t n = write(file.get(), text.data(), text.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return Fail(SystemError("cannot write rates.json", errno));
    text.remove_prefix(static_cast<size_t>(n));
  }
  if (fsync(file.get()) != 0) return Fail(SystemError("cannot sync rates.json", errno));
  return {};
}

}  // namespace

Result<Rates> ParseRates(std::string_view text) {
  const auto document = json::Parse(text, {.depth = 8, .bytes = kRatesBytesMax});
  if (!document) return std::unexpected(document.error());
  json::Problem problem;
  json::Fields fields(problem, *document);
  fields.Require().Int("schema", kSchema, kSchema);
  Rates rates;
  const json::Object* models = fields.Map("models", kRatesModelsMax);
  for (size_t i = 0; models != nullptr && i < models->size(); ++i) {
    const json::Member& member = (*models)[i];
    json::Fields model(problem, member.value, "models." + member.key);
    ModelRates& out = rates[member.key];
    out.measured = model.String("measured", 64).value_or("");
    out.version = model.String("version", 64).value_or("");
    out.sha256 = model.String("sha256", 64).value_or("");
    out.threads = model.Int("threads", 0, 1 << 20).value_or(0);
    out.prefill = ReadPoints(model, "prefill", "tokens");
    out.decode = ReadPoints(model, "decode", "streams");
    out.embed = ReadPoints(model, "embed", "texts");
    out.kernel = ReadKernel(model);
  }
  if (problem) return Fail(problem.Take());
  return rates;
}

void WriteRates(json::Writer& writer, const ModelRates& model) {
  writer.BeginObject();
  writer.Field("measured", model.measured).Field("version", model.version);
  writer.Field("sha256", model.sha256).Field("threads", model.threads);
  WritePoints(writer, "prefill", "tokens", model.prefill);
  WritePoints(writer, "decode", "streams", model.decode);
  WritePoints(writer, "embed", "texts", model.embed);
  if (model.kernel) {
    writer.Key("kernel").BeginObject();
    writer.Field("flash_attention", model.kernel->flash_attention);
    writer.Field("micro_batch", model.kernel->micro_batch).EndObject();
  }
  writer.EndObject();
}

std::string PrintRates(const Rates& rates) {
  std::string text;
  json::Writer writer(&text);
  writer.BeginObject().Field("schema", kSchema).Key("models").BeginObject();
  for (const auto& [name, model] : rates) {
    writer.Key(name);
    WriteRates(writer, model);
  }
  writer.EndObject().EndObject();
  return text + "\n";
}

Result<Rates> ReadRates(const std::string& data_folder) {
  const Fd file(open(PathIn(data_folder).c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!file.valid() && errno == ENOENT) return Rates{};
  if (!file.valid()) return Fail(SystemError("cannot read rates.json", errno));
  std::string text;
  char buffer[4096];
  for (;;) {
    const ssize_t n = read(file.get(), buffer, sizeof buffer);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return Fail(SystemError("cannot read rates.json", errno));
    if (n == 0) break;
    text.append(buffer, static_cast<size_t>(n));
    if (text.size() > kRatesBytesMax) {
      return Fail(Code::kTooLarge,
                  fmt::format("rates.json is larger than {} bytes", kRatesBytesMax));
    }
  }
  auto rates = ParseRates(text);
  if (!rates) rates.error().message = "rates.json: " + rates.error().message;
  return rates;
}

std::optional<KernelChoice> KernelOf(const std::string& data_folder, const std::string& model,
                                     const std::string& sha256) {
  if (sha256.empty()) return std::nullopt;
  const auto all = ReadRates(data_folder);
  if (!all) return std::nullopt;
  const auto found = all->find(model);
  if (found == all->end() || found->second.sha256 != sha256) return std::nullopt;
  return found->second.kernel;
}

Result<void> StoreRates(const std::string& data_folder, const std::string& model,
                        const ModelRates& rates) {
  // One that cannot be read is replaced: it holds nothing but measurements.
  Rates all = ReadRates(data_folder).value_or(Rates{});
  all[model] = rates;
  while (all.size() > kRatesModelsMax)
    all.erase(all.begin()->first == model ? std::next(all.begin()) : all.begin());
  const std::string incoming = fmt::format("{}.{}", PathIn(data_folder), getpid());
  Fd file(open(incoming.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!file.valid()) return Fail(SystemError("cannot write rates.json", errno));
  Result<void> written = WriteWhole(file, PrintRates(all));
  if (written && std::rename(incoming.c_str(), PathIn(data_folder).c_str()) != 0) {
    written = Fail(SystemError("cannot replace rates.json", errno));
  }
  if (!written) unlink(incoming.c_str());
  return written;
}

}  // namespace weir::models
