#include "server/ollama_model_routes.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

#include "dialects/ollama/models.h"
#include "http/message.h"
#include "models/catalogue.h"

namespace weir::server {
namespace {

// The answer of a call that says how far it is: lines as they come, or the last word alone. What is
// said before the first sign of the process waits for it, so that a failure before it is an honest
// status.
class Statuses {
 public:
  Statuses(Call& call, bool streams) : call_(call), streams_(streams) {}

  void Hold(const std::string& line) { held_ += line; }
  Task<Result<void>> Say(const std::string& line) {
    Hold(line);
    if (!streams_) {
      held_.clear();
      co_return Result<void>();
    }
    if (!started_) call_.exchange.Start(call_.Head(200, "application/x-ndjson"));
    started_ = true;
    const std::string lines = std::exchange(held_, {});
    co_return co_await call_.exchange.Write(lines);
  }
  // Once, with what came of it; `last` are lines that a stream ends in before its "success".
  Task<void> End(const Result<fetch::Event>& outcome, std::string last) {
    if (!outcome) {
      co_await Fail(outcome.error());
    } else if (!streams_) {
      co_await call_.SendJson(200, ollama::RenderStatus("success"));
    } else if (co_await Say(last + ollama::RenderStatus("success"))) {
      co_await call_.exchange.End();
    }
  }

 private:
  Task<void> Fail(const Error& error) {
    if (!started_) {
      co_await call_.SendError(error);
      co_return;
    }
    call_.failed_in_stream = true;
    if (co_await Say(RenderError(ErrorShape::kOllama, error, call_.request_id) + "\n"))
      co_await call_.exchange.End();
  }

  Call& call_;
  const bool streams_;
  bool started_ = false;
  std::string held_ = {};
};

// How far a pull is, as Ollama says it.
class PullLines {
 public:
  explicit PullLines(Statuses& statuses) : statuses_(statuses) {}

  Task<Result<void>> Take(const fetch::Event& event) {
    if (event.kind == fetch::Event::Kind::kNote) {
      const std::string line = ollama::RenderStatus(event.text);
      if (begun_) co_return co_await statuses_.Say(line);
      statuses_.Hold(line);
      co_return Result<void>();
    }
    if (event.kind == fetch::Event::Kind::kBegin) {
      begun_ = true;
      name_ = event.text;
      sha256_ = event.sha256;
    }
    if (!begun_) co_return Result<void>();
    co_return co_await statuses_.Say(
        ollama::RenderProgress(name_, sha256_, event.total, event.done));
  }

 private:
  Statuses& statuses_;
  bool begun_ = false;
  std::string name_ = {};
  std::string sha256_ = {};
};

constexpr std::string_view kWritingManifest = "writing manifest";

std::string ExistingLayer(const std::string& sha256) {
  return ollama::RenderStatus(fmt::format("using existing layer sha256:{}", sha256));
}

Result<void> IsOpen(const Site& site) {
  if (site.model_changes != nullptr) return {};
  return Fail(
      Code::kUnprocessable,
      "clients of this server change no models (limits.model_changes is 0); use 'weir pull', "
      "'create', 'cp' and 'rm' on the machine that runs it",
      {}, "use_the_command");
}

Result<void> MayChange(const Site& site, const Call& call, std::string_view model) {
  if (auto open = IsOpen(site); !open) return open;
  return gateway::MayAskFor(call.asked.principal, model);
}

Result<models::Name> NewName(const Site& site, const Call& call, const std::string& text,
                             std::string_view param) {
  auto name = models::ParseName(text);
  if (!name) {
    Error error = name.error();
    error.param = param;
    return Fail(std::move(error));
  }
  if (name->tag.empty()) name->tag = models::kDefaultTag;
  if (auto may = MayChange(site, call, name->ToString()); !may) return Fail(may.error());
  return name;
}

// An engine of that name computes with the file that the name meant before. One that nobody waits
// for goes; one that answers goes when it is idle.
Task<bool> LetGo(Site& site, std::string model) {
  const auto engines = co_await site.fleet.Status();
  const auto found = std::ranges::find(engines, model, &backends::EngineStatus::model);
  if (found == engines.end()) co_return true;
  if (found->open_requests > 0) co_return false;
  (void)site.fleet.Stop(model);
  co_return true;
}

Task<void> Changed(Site& site, const Result<fetch::Event>& outcome) {
  if (!outcome) co_return;
  if (site.on_model_change) site.on_model_change();
  if (!outcome->text.empty()) co_await LetGo(site, outcome->text);
}

Task<void> SendNothing(Call& call, int status) {
  http::Reply reply = call.Head(status, "application/json");
  co_await call.exchange.Send(std::move(reply));
}

Task<void> AnswerPull(Site& site, Call& call, ollama::PullCall asked) {
  if (auto may = MayChange(site, call, asked.model); !may) {
    co_await call.SendError(may.error());
    co_return;
  }
  Statuses statuses(call, asked.stream);
  statuses.Hold(ollama::RenderStatus("pulling manifest"));
  PullLines lines(statuses);
  auto done = co_await site.model_changes->Pull(
      ReferenceOf(asked.model), "", [&](const auto& event) { return lines.Take(event); });
  co_await Changed(site, done);
  std::string last;
  if (done && done->fetched) last = ollama::RenderStatus("verifying sha256 digest");
  if (done && !done->fetched) last = ExistingLayer(done->sha256);
  co_await statuses.End(done, last + ollama::RenderStatus(kWritingManifest));
}

Task<void> AnswerCreate(Site& site, Call& call, ollama::CreateCall asked) {
  const auto name = NewName(site, call, asked.model, "model");
  const Result<void> may =
      asked.file.from.empty() ? Result<void>() : MayChange(site, call, asked.file.from);
  if (!name || !may) {
    co_await call.SendError(name ? may.error() : name.error());
    co_return;
  }
  Statuses statuses(call, asked.stream);
  for (const std::string& note : asked.file.notes) statuses.Hold(ollama::RenderStatus(note));
  statuses.Hold(
      ollama::RenderStatus(asked.files.empty() ? "reading model metadata" : "parsing GGUF"));
  PullLines lines(statuses);
  gateway::NewModel model = {.name = *name,
                             .file = std::move(asked.file),
                             .files = std::move(asked.files),
                             .adapters = std::move(asked.adapters)};
  model.reference = ReferenceOf(model.file.from);
  auto done = co_await site.model_changes->Create(
      std::move(model), [&](const auto& event) { return lines.Take(event); });
  co_await Changed(site, done);
  co_await statuses.End(
      done, done ? ExistingLayer(done->sha256) + ollama::RenderStatus(kWritingManifest) : "");
}

Task<Result<fetch::Event>> Copy(Site& site, Call& call, const ollama::CopyCall& asked) {
  auto name = NewName(site, call, asked.destination, "destination");
  if (!name) co_return Fail(name.error());
  if (auto may = MayChange(site, call, asked.source); !may) co_return Fail(may.error());
  co_return co_await site.model_changes->Copy(asked.source, std::move(*name));
}

Task<Result<fetch::Event>> Delete(Site& site, Call& call, const std::string& model) {
  if (auto may = MayChange(site, call, model); !may) co_return Fail(may.error());
  const auto name = site.model_changes->WholeName(model);
  if (!name) co_return Fail(name.error());
  if (!co_await LetGo(site, name->ToString()))
    co_return Fail(Code::kConflict,
                   fmt::format("{} is answering requests; try again when it has", name->ToString()),
                   "model", "model_in_use");
  co_return co_await site.model_changes->Remove(*name);
}

Task<void> AnswerBare(Site& site, Call& call, const Result<fetch::Event>& done, int status) {
  co_await Changed(site, done);
  if (done) {
    co_await SendNothing(call, status);
  } else {
    co_await call.SendError(done.error());
  }
}

// What the client says of the length; 0 when it says nothing.
uint64_t AnnouncedBytes(const http::Request& request) {
  const std::string_view text = request.headers.Find("content-length").value_or("");
  uint64_t bytes = 0;
  std::from_chars(text.data(), text.data() + text.size(), bytes);
  return bytes;
}

Result<std::string> DigestOf(const Site& site, const Call& call) {
  if (auto open = IsOpen(site); !open) return Fail(open.error());
  return ollama::ReadDigest(http::PercentDecode(call.tail).value_or(""));
}

// A client that waits for leave to send gets its answer before it does.
Task<void> DropBody(Call& call) {
  if (call.request().headers.Find("expect")) co_return;
  for (;;) {
    const auto bytes = co_await call.exchange.ReadBody();
    if (!bytes || bytes->empty()) co_return;
  }
}

}  // namespace

std::string ReferenceOf(std::string_view model) {
  for (const std::string_view host : {"hf.co/", "huggingface.co/"}) {
    if (model.starts_with(host)) return fmt::format("hf:{}", model.substr(host.size()));
  }
  for (const std::string_view host : {"registry.ollama.ai/", "ollama.com/"}) {
    if (model.starts_with(host)) return fmt::format("ollama:{}", model.substr(host.size()));
  }
  for (const std::string_view scheme : {"hf:", "ollama:", "pypi:", "file:", "http:", "https:"}) {
    if (model.starts_with(scheme)) return std::string(model);
  }
  const bool known = models::Catalogue::BuiltIn().Find(model) != nullptr;
  return known ? std::string(model) : fmt::format("ollama:{}", model);
}

Task<void> OllamaPull(Site& site, Call& call) {
  auto asked = ollama::ReadPull(call.request().body);
  if (asked) {
    co_await AnswerPull(site, call, std::move(*asked));
  } else {
    co_await call.SendError(asked.error());
  }
}

Task<void> OllamaCreate(Site& site, Call& call) {
  auto asked = ollama::ReadCreate(call.request().body);
  if (asked) {
    co_await AnswerCreate(site, call, std::move(*asked));
  } else {
    co_await call.SendError(asked.error());
  }
}

Task<void> OllamaCopy(Site& site, Call& call) {
  const auto asked = ollama::ReadCopy(call.request().body);
  const auto done =
      asked ? co_await Copy(site, call, *asked) : Result<fetch::Event>(Fail(asked.error()));
  co_await AnswerBare(site, call, done, 200);
}

Task<void> OllamaDelete(Site& site, Call& call) {
  const auto model = ollama::ReadDelete(call.request().body);
  const auto done =
      model ? co_await Delete(site, call, *model) : Result<fetch::Event>(Fail(model.error()));
  co_await AnswerBare(site, call, done, 200);
}

Task<void> OllamaPush(Site&, Call& call) {
  co_await call.SendError({Code::kUnprocessable,
                           "models are sent nowhere: this server keeps its models to itself",
                           "model", "push_unsupported"});
}

Task<void> OllamaHasBlob(Site& site, Call& call) {
  const auto sha256 = DigestOf(site, call);
  const Result<void> has =
      sha256 ? site.model_changes->HasFile(*sha256) : Result<void>(Fail(sha256.error()));
  if (has) {
    co_await SendNothing(call, 200);
  } else {
    co_await call.SendError(has.error());
  }
}

Task<void> OllamaPutBlob(Site& site, Call& call) {
  auto sha256 = DigestOf(site, call);
  if (!sha256) {
    co_await call.SendError(sha256.error());
    co_return;
  }
  if (site.model_changes->HasFile(*sha256)) {
    co_await DropBody(call);
    co_await SendNothing(call, 200);
    co_return;
  }
  const auto kept =
      co_await site.model_changes->Keep(std::move(*sha256), AnnouncedBytes(call.request()),
                                        [&call] { return call.exchange.ReadBody(); });
  if (kept) {
    if (!kept->fetched) co_await DropBody(call);  // another client has brought it meanwhile
    co_await SendNothing(call, 201);
  } else {
    co_await call.SendError(kept.error());
  }
}

}  // namespace weir::server
