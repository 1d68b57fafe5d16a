// weir doctor: what this machine offers, what is wrong, and what to do about it.
#include <fmt/format.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <optional>
#include <span>
#include <vector>

#include "base/gpu_build.h"
#include "base/terminal_text.h"
#include "cli/document.h"
#include "cli/exit_code.h"
#include "cli/finding.h"
#include "cli/options.h"
#include "cli/settings.h"
#include "cli/table.h"
#include "hash/hash.h"
#include "json/writer.h"
#include "models/store.h"
#include "process/probe.h"

namespace weir::cli {
namespace {

void CheckKernel(const Machine& machine, std::vector<Finding>& findings) {
  findings.push_back({State::kGood, "kernel", machine.kernel});
  findings.push_back(machine.seccomp
                         ? Finding{State::kGood, "seccomp", "there"}
                         : Finding{State::kBad, "seccomp", "missing",
                                   "engines are not kept from the network; use a kernel with "
                                   "CONFIG_SECCOMP_FILTER"});
  if (machine.landlock_abi >= 4) {
    findings.push_back({State::kGood, "landlock", fmt::format("ABI {}", machine.landlock_abi)});
  } else if (machine.landlock_abi > 0) {
    findings.push_back({State::kNote, "landlock", fmt::format("ABI {}", machine.landlock_abi),
                        "files are closed off, TCP by seccomp alone; kernel 6.7 has both"});
  } else {
    findings.push_back({State::kBad, "landlock", "missing",
                        "engines can read what the user can read; boot with lsm=landlock,..."});
  }
}

void CheckHardware(const Machine& machine, std::vector<Finding>& findings) {
  findings.push_back({State::kGood, "cores", std::to_string(machine.cores)});
  if (machine.cpu_quota_cores && *machine.cpu_quota_cores < machine.cores) {
    findings.push_back({State::kNote, "CPU quota",
                        fmt::format("{:.1f} cores", *machine.cpu_quota_cores),
                        "set threads of the models to the quota"});
  }
  findings.push_back({State::kGood, "CPU features", Words(machine.cpu_features)});
  if (GpuBuild().empty()) {
    findings.push_back(
        {State::kNote, "GPU", "none used: this build computes on the CPU alone",
         "WEIR_GPU=cuda make build (or vulkan, metal, hip) makes one that does not"});
  } else {
    findings.push_back({State::kGood, "GPU", fmt::format("a build for {}", GpuBuild()),
                        "'weir show MODEL' of a loaded one tells which layers lie where"});
  }
  if (machine.memory_bytes) {
    const uint64_t available = machine.memory_available_bytes.value_or(0);
    findings.push_back(
        {available < (uint64_t{1} << 30) ? State::kBad : State::kGood, "memory",
         fmt::format("{} of {} available", Bytes(available), Bytes(*machine.memory_bytes)),
         available < (uint64_t{1} << 30) ? "close something, or use a smaller model" : ""});
  }
}

void CheckFolders(const Common& common, std::vector<Finding>& findings) {
  struct statvfs disk{};
  std::string folder = common.folders.data;
  while (folder.size() > 1 && statvfs(folder.c_str(), &disk) != 0) {
    folder = std::filesystem::path(folder).parent_path();
  }
  const uint64_t free_bytes = uint64_t{disk.f_bavail} * disk.f_frsize;
  findings.push_back(
      {free_bytes < (uint64_t{2} << 30) ? State::kBad : State::kGood, "disk",
       fmt::format("{} free at {}", Bytes(free_bytes), common.folders.data),
       free_bytes < (uint64_t{2} << 30) ? "make room; a model needs gigabytes" : ""});
  const models::Listing models = models::Store(common.folders.models).List();
  findings.push_back({models.models.empty() ? State::kNote : State::kGood, "models",
                      fmt::format("{} in {}", models.models.size(), common.folders.models),
                      models.models.empty() ? "get one with 'weir pull fast'" : ""});
  for (const std::string& problem : models.problems) {
    findings.push_back({State::kBad, "model store", problem, "remove it and fetch it again"});
  }
}

std::string HashOf(int file) {
  Sha256 hash;
  std::vector<std::byte> block(size_t{1} << 20);
  ssize_t got = 0;
  for (off_t at = 0; (got = pread(file, block.data(), block.size(), at)) > 0; at += got)
    hash.Add(std::span(block.data(), static_cast<size_t>(got)));
  return got < 0 ? "" : hash.Hex();
}

bool HasItsBytes(const models::Store& store, const models::Manifest& model) {
  const auto has = [&](const std::string& sha256) {
    const auto file = store.OpenBlob(sha256);
    return file && HashOf(file->get()) == sha256;
  };
  return std::ranges::all_of(models::FilesOf(model), has, &models::StoredFile::sha256);
}

void CheckModels(const Common& common, bool hashes, std::vector<Finding>& findings) {
  const models::Store store(common.folders.models);
  size_t good = 0;
  for (const models::Manifest& model : store.List().models) {
    const std::string name = model.name.ToString();
    const auto opened = store.Open(name);
    const std::string again = fmt::format("weir rm {}, then pull it again", name);
    if (!opened) {
      findings.push_back({State::kBad, name, opened.error().message, again});
    } else if (hashes && !HasItsBytes(store, model)) {
      findings.push_back({State::kBad, name, "its bytes have changed on the disk", again});
    } else {
      ++good;
    }
  }
  findings.push_back(
      {State::kGood, "model files",
       fmt::format("{} {}", good, hashes ? "with the right sha256" : "of the right size"),
       hashes ? "" : "'weir doctor --hashes' reads them whole"});
}

// What a loaded engine of a build for GPUs has found.
void CheckGpus(const json::Value& engine, std::vector<Finding>& findings) {
  if (TextAt(engine, "state") != "ready") return;
  std::vector<std::string> gpus;
  for (const json::Value& gpu : ListAt(engine, "gpus")) {
    if (gpu.AsString() != nullptr) gpus.push_back(*gpu.AsString());
  }
  const std::string what = fmt::format("GPU of {}", TextAt(engine, "model"));
  if (gpus.empty()) {
    findings.push_back(
        {State::kBad, what, "no device is there: the CPU computes",
         "look for the driver, and for the rights of this user on its device files"});
    return;
  }
  findings.push_back(
      {State::kGood, what,
       fmt::format("{}; {:.0f} layers on it", Words(gpus), NumberAt(engine, "gpu_layers"))});
}

void CheckServer(std::optional<ServerLink>& link, std::vector<Finding>& findings) {
  if (!link) {
    findings.push_back({State::kNote, "server", "none runs", "start one with 'weir serve'"});
    return;
  }
  findings.push_back({State::kGood, "server", link->url()});
  const auto engines = link->Get("/weir/v1/models");
  if (!engines) {
    findings.push_back({State::kNote, "engines", engines.error().message,
                        "set WEIR_API_KEY to a key of this server"});
    return;
  }
  if (ListAt(*engines, "data").empty()) {
    findings.push_back({State::kNote, "engines", "none runs, so no sandbox of one is known",
                        "'weir doctor' while a model is loaded tells its level"});
  }
  for (const json::Value& engine : ListAt(*engines, "data")) {
    if (!GpuBuild().empty()) CheckGpus(engine, findings);
    std::vector<std::string> levels;
    bool full = true;
    for (const json::Value& line : ListAt(engine, "sandbox")) {
      if (line.AsString() == nullptr) continue;
      levels.push_back(*line.AsString());
      full = full && levels.back().find(" full") != std::string::npos;
    }
    findings.push_back({full ? State::kGood : State::kNote,
                        fmt::format("sandbox of {}", TextAt(engine, "model")), Words(levels),
                        full ? "" : "see docs/internals/sandbox.md for what each level keeps out"});
  }
  CheckDoor(*link, findings);
}

const char* Mark(State state) {
  switch (state) {
    case State::kGood:
      return "ok";
    case State::kNote:
      return "note";
    case State::kBad:
      return "BAD";
  }
  return "";
}

}  // namespace

std::string Words(const std::vector<std::string>& words) {
  return fmt::format("{}", fmt::join(words, " "));
}

int Doctor(const Common& common, const std::vector<std::string>& words, bool hashes) {
  std::vector<Finding> findings;
  const Machine machine = ProbeMachine();
  CheckKernel(machine, findings);
  CheckHardware(machine, findings);
  CheckFolders(common, findings);
  CheckModels(common, hashes, findings);
  CheckLeftovers(common.folders.models, findings);
  auto link = ServerLink::Find(common.folders);
  CheckDataFolder(common.folders, link.has_value(), findings);
  if (const auto settings = LoadFor(words)) {
    CheckListening(*settings, common.folders, link ? link->url() : "", findings);
    CheckPlaces(*settings, findings);
  }
  CheckServer(link, findings);
  if (common.json) {
    std::string text;
    json::Writer writer(&text);
    writer.BeginArray();
    for (const Finding& finding : findings) {
      writer.BeginObject()
          .Field("state", Mark(finding.state))
          .Field("what", finding.what)
          .Field("found", finding.found)
          .Field("advice", finding.advice)
          .EndObject();
    }
    writer.EndArray();
    fmt::print("{}\n", text);
  } else {
    size_t width = 24;
    for (const Finding& finding : findings) width = std::max(width, finding.what.size() + 2);
    for (const Finding& finding : findings) {
      fmt::print("{:<5}{:<{}}{}\n", Mark(finding.state), OneLine(finding.what), width,
                 OneLine(finding.found));
      if (!finding.advice.empty())
        fmt::print("{:<{}}-> {}\n", "", width + 5, OneLine(finding.advice));
    }
  }
  return std::ranges::any_of(findings, [](const Finding& f) { return f.state == State::kBad; }) ? 1
                                                                                                : 0;
}

}  // namespace weir::cli
