// outdated and update: what changed at the sources of the models that were pulled.
#include <fmt/core.h>

#include "cli/exit_code.h"
#include "cli/options.h"
#include "cli/private_server.h"
#include "cli/pull.h"
#include "cli/table.h"
#include "cli/trial_folder.h"
#include "fetch/reference.h"
#include "json/writer.h"
#include "models/writer.h"

namespace weir::cli {
namespace {

struct Checked {
  models::Manifest present;
  std::string state;  // "current", "outdated", "unknown"
  std::string what;   // what changed, or why nobody knows
  fetch::Event now = {};
};

// Catalogue models have one sha256 for ever; files were copied. Only hubs and registries change.
bool CanChange(const models::Manifest& manifest) {
  const auto reference = fetch::ParseReference(manifest.source);
  return reference && !std::holds_alternative<fetch::FromCatalogue>(*reference) &&
         !std::holds_alternative<fetch::FromFile>(*reference);
}

std::string Change(const models::Manifest& present, const fetch::Event& now) {
  std::string text;
  const auto add = [&](const std::string& part) { text += (text.empty() ? "" : ", ") + part; };
  if (!now.revision.empty() && now.revision != present.revision && !present.revision.empty())
    add(fmt::format("revision {} -> {}", present.revision.substr(0, 12),
                    now.revision.substr(0, 12)));
  if (!now.sha256.empty() && now.sha256 != present.sha256)
    add(fmt::format("file {} -> {}", present.sha256.substr(0, 12), now.sha256.substr(0, 12)));
  if (now.total > 0 && now.total != present.size)
    add(fmt::format("size {} -> {}", Bytes(present.size), Bytes(now.total)));
  if (!now.licence.empty() && !present.licence.empty() && now.licence != present.licence)
    add(fmt::format("licence {} -> {}", present.licence, now.licence));
  return text;
}

Checked Check(const Common& common, const models::Manifest& manifest) {
  Checked out{manifest, "current", ""};
  if (!CanChange(manifest)) return out;
  const auto now = Pull({.reference = manifest.source,
                         .name = manifest.name.ToString(),
                         .store = common.folders.models,
                         .check_only = true},
                        [](const fetch::Event&) {});
  if (!now) {
    out.state = "unknown";
    out.what = now.error().message;
    return out;
  }
  out.now = *now;
  out.what = Change(manifest, *now);
  // A repository may change without its file.
  const bool same_file = !now->sha256.empty() && now->sha256 == manifest.sha256;
  if (!out.what.empty() && !same_file) out.state = "outdated";
  if (same_file && !out.what.empty()) out.what += " (the same file)";
  return out;
}

Result<std::vector<models::Manifest>> Chosen(const Common& common,
                                             const std::vector<std::string>& names) {
  const models::Store store(common.folders.models);
  if (names.empty()) return store.List().models;
  std::vector<models::Manifest> out;
  for (const std::string& name : names) {
    auto manifest = store.Resolve(name);
    if (!manifest) return Fail(manifest.error());
    out.push_back(std::move(*manifest));
  }
  return out;
}

Result<void> AskOnce(const Folders& folders, const std::string& name) {
  auto server = PrivateServer::Start(folders);
  if (!server) return Fail(server.error());
  ServerLink link = ServerLink::At((*server)->url(), folders);
  const json::Value body(json::Object{{"model", name}, {"prompt", "Hello"}, {"max_tokens", 1}});
  const auto answer = link.Post("/v1/completions", body);
  // A model that embeds says so; it has been loaded then.
  if (answer || answer.error().reason == "not_a_generative_model") return {};
  return Fail(answer.error());
}

// Whether the new file really answers: loaded by a server, one token asked.
Result<void> Try(const Common& common, const std::string& name) {
  // A server of its own, so that one that runs is not disturbed.
  const auto folder = TrialFolder::Create();
  if (!folder) return Fail(folder.error());
  return AskOnce({.data = folder->path(), .models = common.folders.models}, name);
}

bool KeepWords(const models::Manifest& present, models::Manifest& next) {
  const std::string before = models::PrintManifest(next);
  if (next.parameters.empty()) next.parameters = present.parameters;
  if (next.turns.empty()) next.turns = present.turns;
  if (next.adapters.empty()) next.adapters = present.adapters;
  if (!next.projector) next.projector = present.projector;
  if (next.system.empty()) next.system = present.system;
  if (next.chat_template.empty()) next.chat_template = present.chat_template;
  if (next.licence_text.empty()) next.licence_text = present.licence_text;
  return models::PrintManifest(next) != before;
}

int UpdateOne(const Common& common, models::Writer& writer, const models::Manifest& present,
              bool untried) {
  const std::string name = present.name.ToString();
  PullDisplay display(common.json);
  const auto done = Pull({.reference = present.source,
                          .name = name,
                          .store = common.folders.models,
                          .keep_previous = true,
                          .again = true},
                         [&](const fetch::Event& event) { display.Show(event); });
  if (!done) return Report(done.error());
  auto manifest = writer.store().Resolve(name);
  if (!manifest) return Report(manifest.error());
  // Words of one's own outlive the update; those that the source has now count before them.
  if (KeepWords(present, *manifest)) {
    if (auto named = writer.GiveName(*manifest, false); !named) return Report(named.error());
  }
  if (!untried) {
    const auto answers = Try(common, name);
    if (!answers) {
      const auto back = writer.RollBack(present.name);
      return Report(
          {Code::kUnprocessable,
           fmt::format("the new {} does not answer ({}); {}", name, answers.error().message,
                       back ? "the old one is back" : "and the old one is gone")});
    }
  }
  fmt::print("{} updated; weir update --rollback {} takes it back\n", name, name);
  return 0;
}

}  // namespace

int ListOutdated(const Common& common, const std::vector<std::string>& names) {
  const auto chosen = Chosen(common, names);
  if (!chosen) return Report(chosen.error());
  std::string text;
  json::Writer writer(&text);
  writer.BeginArray();
  Table table({"NAME", "STATE", "WHAT", "SOURCE"});
  for (const models::Manifest& manifest : *chosen) {
    const Checked checked = Check(common, manifest);
    writer.BeginObject()
        .Field("name", manifest.name.ToString())
        .Field("state", checked.state)
        .Field("what", checked.what)
        .Field("source", manifest.source)
        .Field("revision", manifest.revision)
        .Field("revision_now", checked.now.revision)
        .EndObject();
    table.Add({manifest.name.ToString(), checked.state, checked.what, manifest.source});
  }
  writer.EndArray();
  fmt::print("{}", common.json ? text + "\n" : table.Text());
  return 0;
}

int UpdateModels(const Common& common, const UpdateOptions& options) {
  auto writer = models::Writer::Open(common.folders.models, SystemClock().WallNow());
  if (!writer) return Report(writer.error());
  const auto chosen = Chosen(common, options.names);
  if (!chosen) return Report(chosen.error());
  int code = 0;
  for (const models::Manifest& manifest : *chosen) {
    const std::string name = manifest.name.ToString();
    if (options.rollback) {
      const auto back = writer->RollBack(manifest.name);
      if (!back) {
        if (!options.names.empty()) code = Report(back.error());
        continue;
      }
      fmt::print("{} is back at {}\n", name, back->sha256.substr(0, 12));
      continue;
    }
    const Checked checked = Check(common, manifest);
    if (checked.state == "unknown") {
      fmt::print(stderr, "weir: {}: {}\n", name, checked.what);
      code = static_cast<int>(Exit::kFailed);
    } else if (checked.state == "current") {
      fmt::print("{} is current\n", name);
    } else if (const int failed = UpdateOne(common, *writer, manifest, options.untried)) {
      code = failed;
    }
  }
  return code;
}

}  // namespace weir::cli
