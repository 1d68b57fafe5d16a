#include "server/embedding_routes.h"

#include <utility>

#include "gateway/attach.h"
#include "gateway/reembedding.h"
#include "json/writer.h"
#include "knowledge/shelf.h"
#include "server/document_object.h"
#include "server/weir_requests.h"

namespace weir::server {
namespace {

std::string CollectionOf(const Call& call) {
  const std::string_view tail = call.tail;
  const auto name = http::PercentDecode(tail.substr(0, tail.find('/'))).value_or("");
  return gateway::FullNameOf(call.asked, name);
}

std::string Rendered(const knowledge::EmbeddingState& state) {
  std::string body;
  json::Writer writer(&body);
  writer.BeginObject()
      .Field("object", "weir.embedding")
      .Field("collection", knowledge::CollectionShown(state.collection))
      .Field("model", state.model)
      .Field("dimensions", state.dimensions)
      .Key("next");
  if (state.next) {
    writer.BeginObject()
        .Field("model", state.next->model)
        .Field("chunks", state.points)
        .Field("embedded", state.embedded)
        .Key("problem");
    if (state.next->problem.empty()) {
      writer.Null();
    } else {
      writer.String(state.next->problem);
    }
    writer.EndObject();
  } else {
    writer.Null();
  }
  writer.EndObject();
  return body;
}

// What `call` on the shelf says of the collection.
template <class OnShelf>
Task<void> Answer(Site& site, Call& call, OnShelf on_shelf) {
  Result<knowledge::EmbeddingState> state = Fail(NoDocumentsHere());
  if (site.documents != nullptr) {
    state = co_await site.documents->library.OnShelf<knowledge::EmbeddingState>(
        [on_shelf = std::move(on_shelf)](knowledge::Shelf& shelf, int64_t) {
          return on_shelf(shelf);
        });
  }
  if (!state) {
    co_await call.SendError(state.error());
    co_return;
  }
  const bool begun = call.request().method == "POST" && state->next.has_value();
  if (begun && site.reembedding != nullptr) site.reembedding->Wake();
  co_await call.SendJson(begun ? 202 : 200, Rendered(*state));
}

}  // namespace

Task<void> GetEmbedding(Site& site, Call& call) {
  co_await Answer(site, call, [collection = CollectionOf(call)](knowledge::Shelf& shelf) {
    return shelf.Embedding(collection);
  });
}

Task<void> PostEmbedding(Site& site, Call& call) {
  const auto wanted = ReadModelWanted(call.request().body);
  if (!wanted) {
    co_await call.SendError(wanted.error());
    co_return;
  }
  if (site.documents == nullptr) {
    co_await call.SendError(NoDocumentsHere());
    co_return;
  }
  const std::string asked_for = wanted->empty() ? site.documents->embedding_model : *wanted;
  Result<std::string> model = site.documents->model_name(asked_for);
  if (auto may = gateway::MayAskFor(call.asked.principal, asked_for); !may)
    model = std::unexpected(may.error());
  if (!model) {
    co_await call.SendError(model.error());
    co_return;
  }
  const knowledge::ModelChange change{
      .collection = CollectionOf(call),
      .model = std::move(*model),
      .asked = gateway::TextOfAsked(call.asked, chat::Label::kPublic)};
  co_await Answer(site, call,
                  [change](knowledge::Shelf& shelf) { return shelf.BeginChange(change); });
}

Task<void> DeleteEmbedding(Site& site, Call& call) {
  co_await Answer(site, call, [collection = CollectionOf(call)](knowledge::Shelf& shelf) {
    return shelf.CancelChange(collection);
  });
}

}  // namespace weir::server
