#include "gateway/neighbours.h"

#include <algorithm>
#include <utility>

#include "async/deadline.h"
#include "base/utf8.h"

namespace weir::gateway {
namespace {

// The embedding model of this machine that clients get by the same name.
const routing::Target* Embedder(const routing::Policy& policy) {
  const auto named = routing::Resolve(policy, "embedding");
  if (!named) return nullptr;
  const auto found = std::ranges::find_if(named->targets, [](const routing::Target* target) {
    return target->embeds && !target->beyond && target->tier == routing::Tier::kDevice;
  });
  return found == named->targets.end() ? nullptr : *found;
}

std::string_view Beginning(std::string_view text) {
  const std::string_view cut = text.substr(0, kNeighbourTextMax);
  return cut.substr(0, CompleteUtf8Prefix(cut));
}

}  // namespace

bool MayKeepPlace(chat::Label label) { return label <= chat::Label::kPersonal; }

Task<void> LookForNeighbours(Gateway& gateway, Asked& asked, const chat::GenerateRequest& request) {
  const auto policy = gateway.policy();
  const auto route =
      std::ranges::find(policy->virtuals, request.model, &routing::VirtualModel::name);
  if (route == policy->virtuals.end() || !route->neighbours || !route->goal.any()) co_return;
  const std::string_view question = Beginning(routing::QuestionOf(request));
  const routing::Target* embedder = Embedder(*policy);
  if (question.empty() || embedder == nullptr) {
    asked.no_place = question.empty() ? "there is no text" : "there is no embedding model here";
    co_return;
  }
  const auto residence = gateway.engines.ResidenceOf(embedder->model);
  if (!residence.load || *residence.load > Duration::zero() || residence.open > 0) {
    asked.no_place =
        residence.open > 0 ? "the embedding model is busy" : "the embedding model is not loaded";
    co_return;
  }
  const chat::EmbedRequest ask{.model = embedder->name,
                               .inputs = {{.text = std::string(question)}}};
  const auto found =
      co_await WithDeadline(gateway.clock.Now() + kNeighbourPatience,
                            gateway.engines.Embed(asked.principal, embedder->model, ask));
  if (!found || found->vectors.size() != 1) {
    asked.no_place = "the embedding model did not answer in time";
    co_return;
  }
  asked.place =
      routing::PromptPlace{.space = routing::SpaceOf(asked.principal.tenant, embedder->model),
                           .vector = routing::Rounded(found->vectors.front())};
}

}  // namespace weir::gateway
