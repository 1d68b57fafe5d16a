#include "gateway/transcribe.h"

#include <fmt/core.h>

#include <span>
#include <utility>

namespace weir::gateway {
namespace {

Task<Result<chat::Transcription>> TranscribeAt(Gateway& gateway, const routing::Target& target,
                                               const backends::ProviderAsk& ask,
                                               const chat::TranscribeRequest& request,
                                               std::vector<std::string>& notes) {
  // No engine of this machine hears, so a policy that was made from a configuration has no such
  // target.
  if (!target.beyond || gateway.providers == nullptr) co_return Fail(ReachesNobody());
  co_return co_await gateway.providers->Transcribe(ask, request, notes);
}

// The text as somebody may send it on: with the label of its sound. What is above the default has
// to be on the disk before anybody sees it.
Task<Result<void>> KeepLabel(Gateway& gateway, const Asked& asked, Labelled labelled,
                             const Answered<chat::Transcription>& answered) {
  if (gateway.labels == nullptr) co_return Result<void>();
  const chat::Label label = answered.decision.label;
  const privacy::Written sound = gateway.labels->Remember(std::move(labelled.marks), label);
  const privacy::Written text =
      gateway.labels->RememberAnswer(asked.principal.tenant, answered.value.text, label);
  if (chat::Rank(label) == 0) co_return Result<void>();
  if (auto kept = co_await sound.Wait(); !kept) co_return kept;
  if (chat::Rank(label) <= chat::Rank(gateway.default_label)) co_return Result<void>();
  co_return co_await text.Wait();
}

}  // namespace

Task<Result<Answered<chat::Transcription>>> Transcribe(Gateway& gateway, Asked asked,
                                                       chat::TranscribeRequest request,
                                                       std::optional<Unanswered>* unanswered) {
  if (auto may = MayAskFor(asked.principal, request.model); !may)
    co_return std::unexpected(may.error());
  auto labelled = LabelOf(gateway, asked, request.model, std::span(&request.said, 1), {},
                          ScanOf(gateway, request));
  if (!labelled) co_return std::unexpected(labelled.error());
  const AskTarget<chat::Transcription> call = [&](const routing::Target& target,
                                                  const backends::ProviderAsk& ask,
                                                  std::vector<std::string>& notes) {
    return TranscribeAt(gateway, target, ask, request, notes);
  };
  auto answered = co_await AskTargets(gateway, asked, request.model,
                                      {.task = routing::Task::kTranscribe, .audio = true},
                                      *labelled, ExtentOf(request), call, unanswered);
  if (!answered) co_return std::unexpected(std::move(answered.error()));
  if (auto kept = co_await KeepLabel(gateway, asked, std::move(*labelled), *answered); !kept) {
    if (unanswered != nullptr) {
      *unanswered = Unanswered{.decision_id = std::move(answered->decision_id),
                               .decision = std::move(answered->decision),
                               .target = std::move(answered->target)};
    }
    co_return std::unexpected(kept.error());
  }
  co_return std::move(*answered);
}

}  // namespace weir::gateway
